//! Server-sent events as bytes: what the client reads. (The server's half is axum's.)
//!
//! Only what an event stream of ours holds: `id`, `event`, `data`, comments. Lines end in LF, CR LF or CR LF split over two reads.

/// One decoded event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    pub id: Option<String>,
    pub event: Option<String>,
    pub data: String,
}

/// An event of the stream is at most this long; a longer one means that the other side is not ours.
pub const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Puts frames together from the pieces in which they arrive.
#[derive(Debug, Default)]
pub struct Decoder {
    pending: Vec<u8>,
    frame: Frame,
    has_data: bool,
}

/// A frame that does not end.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

impl Decoder {
    /// Takes the next piece and returns the frames that it completes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Frame>, TooLong> {
        self.pending.extend_from_slice(bytes);
        let mut frames = Vec::new();
        let mut start = 0;
        while let Some(length) = self.pending[start..].iter().position(|b| *b == b'\n') {
            let line = self.pending[start..start + length].to_vec();
            start += length + 1;
            frames.extend(self.line(&line));
        }
        self.pending.drain(..start);
        if self.pending.len() + self.frame.data.len() > FRAME_BYTES_MAX {
            return Err(TooLong);
        }
        Ok(frames)
    }

    fn line(&mut self, line: &[u8]) -> Option<Frame> {
        let text = String::from_utf8_lossy(line);
        let text = text.strip_suffix('\r').unwrap_or(&text);
        if text.is_empty() {
            let frame = std::mem::take(&mut self.frame);
            return std::mem::take(&mut self.has_data).then_some(frame);
        }
        let (field, value) = text.split_once(':').unwrap_or((text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.frame.id = Some(value.into()),
            "event" => self.frame.event = Some(value.into()),
            "data" => self.data(value),
            // A comment (our keep-alive), or a field of a later version.
            _ => {}
        }
        None
    }

    fn data(&mut self, value: &str) {
        if self.has_data {
            self.frame.data.push('\n');
        }
        self.frame.data.push_str(value);
        self.has_data = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b": hello\n\nid: 7\nevent: turn.state\ndata: {\"a\":1}\n\nid:8\r\ndata: x\r\ndata: y\r\n\r\n";

    fn expected() -> Vec<Frame> {
        vec![
            Frame {
                id: Some("7".into()),
                event: Some("turn.state".into()),
                data: "{\"a\":1}".into(),
            },
            Frame {
                id: Some("8".into()),
                event: None,
                data: "x\ny".into(),
            },
        ]
    }

    #[test]
    fn frames_come_out_whole_however_they_are_cut() {
        for size in 1..STREAM.len() {
            let mut decoder = Decoder::default();
            let frames: Vec<Frame> = STREAM
                .chunks(size)
                .flat_map(|piece| decoder.push(piece).unwrap())
                .collect();
            assert_eq!(frames, expected(), "pieces of {size} bytes");
        }
    }

    #[test]
    fn a_frame_without_an_end_is_refused() {
        let mut decoder = Decoder::default();
        let piece = vec![b'x'; FRAME_BYTES_MAX + 1];
        assert_eq!(decoder.push(&piece), Err(TooLong));
    }
}
