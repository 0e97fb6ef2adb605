//! The real program as a child process.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Building is waited for separately; a start that takes longer than this hangs.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The path of the program `dyocense`: `DYOCENSE_BIN` if set, else the one beside this test binary, built now if it
/// is not up to date.
pub fn program_path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        if let Some(path) = std::env::var_os("DYOCENSE_BIN") {
            return PathBuf::from(path);
        }
        // target/<profile>/deps/it-<hash>, or target/<profile>/<name> for a benchmark.
        let mut directory = std::env::current_exe().expect("this process has a path");
        directory.pop();
        if directory.ends_with("deps") {
            directory.pop();
        }
        let profile = match directory.file_name().and_then(|name| name.to_str()) {
            Some("debug") | None => "dev",
            Some(profile) => profile,
        };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--quiet", "--workspace", "--bin", "dyocense", "--profile", profile])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the program does not build");
        directory.join("dyocense")
    })
}

/// A port that nothing listens on at this moment.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("some port is free");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// How to run `dyocense serve`.
#[derive(Debug, Clone, Default)]
pub struct ProgramOptions {
    /// The server to use; without one the program runs a Postgres of its own in `data_dir`.
    pub database_url: Option<String>,
    pub data_dir: Option<PathBuf>,
    /// Fixed, so that clients find the program again after a restart. A free one when not given.
    pub port: Option<u16>,
    pub environment: Vec<(String, String)>,
    pub arguments: Vec<String>,
    /// Where the program's output goes; shown with the test's output when not given.
    pub log: Option<PathBuf>,
}

/// A running `dyocense serve`. Dropping it kills it.
pub struct Program {
    child: Child,
    pub port: u16,
}

impl Program {
    /// Starts the program and waits until `/readyz` says that it is ready.
    ///
    /// # Panics
    /// When it ends instead, or is not ready within a minute.
    pub async fn serve(options: ProgramOptions) -> Program {
        let mut program = Program::spawn(&options);
        program.until_ready().await;
        program
    }

    /// Starts the program and waits for nothing.
    pub fn spawn(options: &ProgramOptions) -> Program {
        let port = options.port.unwrap_or_else(free_port);
        let mut command = Command::new(program_path());
        command.arg("serve").args(&options.arguments).env("DYOCENSE_HTTP_LISTEN", format!("127.0.0.1:{port}"));
        // Settings of whoever runs the tests are not the tests' settings.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DYOCENSE_") && name != "DYOCENSE_HTTP_LISTEN" {
                command.env_remove(name);
            }
        }
        command.env_remove("DATABASE_URL");
        if let Some(url) = &options.database_url {
            command.env("DATABASE_URL", url);
        }
        if let Some(data_dir) = &options.data_dir {
            command.env("DYOCENSE_DATA_DIR", data_dir);
        }
        command.envs(options.environment.iter().cloned()).stdin(Stdio::null());
        if let Some(path) = &options.log {
            let log = std::fs::File::options().create(true).append(true).open(path).expect("the log opens");
            command.stdout(log.try_clone().expect("a second handle")).stderr(log);
        }
        let child = command.spawn().expect("the program runs");
        Program { child, port }
    }

    /// Waits until `/readyz` answers 200.
    pub async fn until_ready(&mut self) {
        let client = reqwest::Client::new();
        let url = format!("{}/readyz", self.url());
        let asked = Instant::now();
        loop {
            let answer = client.get(&url).timeout(Duration::from_secs(5)).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return;
            }
            if let Some(status) = self.child.try_wait().expect("the child can be asked") {
                panic!("the program ended while starting: {status}");
            }
            assert!(asked.elapsed() < START_LIMIT, "the program is not ready after {START_LIMIT:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// `http://127.0.0.1:<port>`
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// `ws://127.0.0.1:<port>/graphql`
    pub fn socket_url(&self) -> String {
        format!("ws://127.0.0.1:{}/graphql", self.port)
    }

    /// Ends the program at once, as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().expect("the program can be killed");
        self.child.wait().expect("the program can be waited for");
    }

    /// Asks the program to end, as Ctrl-C does, and waits for it.
    pub fn interrupt(mut self) -> std::process::ExitStatus {
        let pid = i32::try_from(self.child.id()).expect("a process id is small");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGINT)
            .expect("the program can be signalled");
        self.child.wait().expect("the program can be waited for")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
