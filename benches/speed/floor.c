// The floor under `telecoder notify`: the least that a program does which keeps a letter over a power cut.
// floor DIR NAME: writes DIR/tmp/NAME, syncs it, renames it to DIR/new/NAME, syncs DIR/new.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int sync_and_close(int fd) {
    return fd < 0 || fsync(fd) != 0 || close(fd) != 0;
}

int main(int argc, char **argv) {
    static char letter[400], tmp[4096], new[4096], dir[4096];
    if (argc != 3) return 2;
    memset(letter, 'x', sizeof letter);
    snprintf(tmp, sizeof tmp, "%s/tmp/%s", argv[1], argv[2]);
    snprintf(new, sizeof new, "%s/new/%s", argv[1], argv[2]);
    snprintf(dir, sizeof dir, "%s/new", argv[1]);
    int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, letter, sizeof letter) != sizeof letter) return 1;
    if (sync_and_close(fd) || rename(tmp, new) != 0) return 1;
    return sync_and_close(open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}
