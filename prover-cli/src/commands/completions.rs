//! `eligo completions`, `eligo man`.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use crate::{
    console::Console,
    failure::{Attempt, Failure, shown},
    file::{self, Access, Target},
};

/// Print a shell's completions
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  eligo completions bash > ~/.local/share/bash-completion/completions/eligo"
)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Print the manual page, or write one for each command into a folder
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  eligo man | man -l -\n  eligo man -o share/man/man1")]
pub struct Man {
    /// Folder for a page a command
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub fn print(args: &Completions) -> Attempt<u8> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "eligo", &mut text);
    Target::Stdout.write(&text, Access::Public, false)?;
    Ok(0)
}

pub fn manual(args: &Man, console: &Console) -> Attempt<u8> {
    let mut root = Cli::command().disable_help_subcommand(true);
    root.build();
    let Some(folder) = &args.output else {
        let text = page("eligo", &root)?;
        Target::Stdout.write(&text, Access::Public, false)?;
        return Ok(0);
    };
    file::make_folder(folder)?;
    let mut pages = Vec::new();
    collect(&root, "", &mut pages);
    for (name, command) in &pages {
        let path = folder.join(format!("{name}.1"));
        file::write(&path, &page(name, command)?, Access::Public, args.force)?;
    }
    console.say(format!("{} pages in {}", pages.len(), shown(folder)));
    console.object(serde_json::json!({ "pages": pages.len(), "folder": shown(folder) }));
    Ok(0)
}

fn collect(command: &clap::Command, parent: &str, pages: &mut Vec<(String, clap::Command)>) {
    let name = if parent.is_empty() {
        command.get_name().to_owned()
    } else {
        format!("{parent}-{}", command.get_name())
    };
    pages.push((name.clone(), command.clone()));
    for sub in command.get_subcommands() {
        collect(sub, &name, pages);
    }
}

fn page(name: &str, command: &clap::Command) -> Attempt<Vec<u8>> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name)
        .render(&mut text)
        .map_err(Failure::unexpected)?;
    Ok(text)
}
