//! Makes the types of the messages out of the .proto files; needs protoc. PARLEY_PROTO says where they are.

fn main() -> std::io::Result<()> {
    let proto = std::env::var("PARLEY_PROTO").unwrap_or_else(|_| "../../proto".into());
    println!("cargo:rerun-if-changed={proto}");
    println!("cargo:rerun-if-env-changed=PARLEY_PROTO");
    prost_build::compile_protos(&[format!("{proto}/parley/v1/envelope.proto")], &[&proto])
}
