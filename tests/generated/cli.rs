//! The page of the command line.

use clap::{Arg, Command};

use crate::markdown::{head, table};

pub fn page() -> String {
    let mut program = sluice::cli::command();
    program.build();
    let mut text = head("Command line", "the flags in src/cli");
    text.push_str(
        "Every option can be given as the environment variable beside it; the option wins. Exit codes: 0 what was asked for was done,\n\
         1 it was not, 2 wrong usage.\n\n",
    );
    for command in program.get_subcommands().filter(|command| command.get_name() != "help") {
        text.push_str(&section("sluice", command));
    }
    text.trim_end().to_owned() + "\n"
}

fn section(above: &str, command: &Command) -> String {
    let about = command.get_long_about().or_else(|| command.get_about()).unwrap().to_string();
    let name = format!("{above} {}", command.get_name());
    let mut text = format!("## {name}\n\n{about}\n\n");
    let options: Vec<&Arg> = command.get_arguments().filter(|argument| argument.get_id() != "help").collect();
    if !options.is_empty() {
        text.push_str(&table(&["option", "variable", "default", "meaning"], options.iter().map(|option| row(option))));
    }
    let examples = command.get_after_long_help().unwrap().to_string();
    let examples: Vec<&str> = examples.lines().skip(1).map(str::trim).collect();
    text.push_str(&format!("```console\n$ {}\n```\n\n", examples.join("\n$ ")));
    for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
        text.push_str(&section(&name, below));
    }
    text
}

fn row(option: &Arg) -> Vec<String> {
    let name = match (option.get_short(), option.get_long()) {
        (Some(short), Some(long)) => format!("`-{short}`, `--{long}`"),
        (None, Some(long)) => format!("`--{long}`"),
        _ => format!("`{}`", option.get_id().as_str().to_uppercase()),
    };
    let variable = option.get_env().map_or_else(|| "–".to_owned(), |name| format!("`{}`", name.to_string_lossy()));
    let defaults = option.get_default_values();
    let help = option.get_help().unwrap().to_string();
    // Defaults that are not constants stand in the help.
    let (help, default) = match help.split_once(" [default: ") {
        Some((help, default)) => (help.to_owned(), default.trim_end_matches(']').to_owned()),
        None if defaults.is_empty() || !option.get_action().takes_values() => (help, "–".to_owned()),
        None => (help, format!("`{}`", defaults[0].to_string_lossy())),
    };
    let values: Vec<String> =
        option.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    let help = if values.len() > 2 { format!("{help}: {}", values.join(", ")) } else { help };
    vec![name, variable, default, help]
}
