//! `sqlx::migrate!` reads the directory when the crate is compiled: a new migration must compile it again.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
