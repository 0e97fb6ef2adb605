fn main() -> std::process::ExitCode {
    dyocense_api::cli::main()
}
