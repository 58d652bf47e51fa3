//! Compiles the protobuf contracts in pure Rust; no `protoc` is needed.

use std::error::Error;
use std::path::PathBuf;

use prost::Message;

const SERVICES: [&str; 7] = ["customers", "events", "idm", "messages", "roles", "tokens", "users"];
/// What programs outside may call: its description is kept, so that they can ask for it (gRPC reflection).
const OUTSIDE: &str = "proto/backline/idm/v1/idm.proto";

#[allow(clippy::disallowed_methods, reason = "this is how Cargo says where generated files belong")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = SERVICES.map(|service| format!("proto/backline/{service}/v1/{service}.proto"));
    let descriptors = protox::compile(files, ["proto"])?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    let outside = protox::compile([OUTSIDE], ["proto"])?;
    let folder = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(folder.join("idm.bin"), outside.encode_to_vec())?;
    Ok(())
}
