//! Links the program at a fixed address: docs/decisions/fixed-address.md.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg-bin=telecoder=-no-pie");
}
