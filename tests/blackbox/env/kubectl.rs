//! The real kubectl, as a member of system:masters.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Team, world};

impl Team {
    /// kubectl in the team's namespace; what it printed. Fails when it does.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.kubectl_with(arguments, "").unwrap_or_else(|error| panic!("kubectl {arguments:?}: {error}"))
    }

    /// The program's own command line, as a member of system:masters; what it printed. Fails when it does.
    pub fn sluice(&self, arguments: &[&str]) -> String {
        let program = Command::new(env!("CARGO_BIN_EXE_sluice"))
            .args(arguments)
            .env_clear()
            .env("KUBECONFIG", &world().admin)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(program.status.success(), "sluice {arguments:?}: {}", text(&program.stderr));
        text(&program.stdout)
    }

    /// kubectl with something on its standard input; what it printed, or what it complained about.
    pub fn kubectl_with(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        self.kubectl_in(&world().admin, arguments, input)
    }

    /// The same in another cluster.
    pub fn kubectl_in(&self, admin: &Path, arguments: &[&str], input: &str) -> Result<String, String> {
        let programs = world().servers.description["controlplane"]["bindir"].as_str().unwrap();
        let mut child = Command::new(PathBuf::from(programs).join("kubectl"))
            .args(["--namespace", &self.namespace])
            .args(arguments)
            .env("KUBECONFIG", admin)
            // What it remembers of an API server is about this one, and not about one that had its port before.
            .env("KUBECACHEDIR", admin.with_extension("cache"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// One row of `kubectl get dbm`, by column.
    pub fn row(&self, name: &str) -> Vec<(String, String)> {
        let table = self.kubectl(&["get", "dbm", name]);
        let lines: Vec<&str> = table.lines().collect();
        let [head, row] = lines.as_slice() else { panic!("not one row: {table}") };
        // Columns begin where their headings begin: an empty one shows nothing at all.
        let starts: Vec<usize> = head
            .char_indices()
            .filter(|(at, letter)| *letter != ' ' && (*at == 0 || head.as_bytes()[at - 1] == b' '))
            .map(|(at, _)| at)
            .collect();
        let ends = starts.iter().skip(1).copied().chain([usize::MAX]);
        let cell = |line: &str, from: usize, to: usize| {
            line.get(from.min(line.len())..to.min(line.len())).unwrap_or_default().trim().to_owned()
        };
        starts.iter().zip(ends).map(|(from, to)| (cell(head, *from, to), cell(row, *from, to))).collect()
    }
}
