//! `hopwatch sql`: events, alerts and the graph of a data folder by SQL. `docs/sql.md` has the tables.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args as ClapArgs, ValueEnum};
use hopwatch_model::Timestamp;
use serde_json::{Map, Value};

use super::graph::time;
use super::serve;
use crate::sql::{self, Question, Reader, TABLES};

#[derive(ClapArgs)]
pub(crate) struct Args {
    /// The statement, in SQLite's SQL.
    #[arg(required_unless_present = "tables")]
    statement: Option<String>,
    /// The data folder; a server may run on it.
    #[arg(long, value_name = "DIR", default_value = "hopwatch-data")]
    data_dir: PathBuf,
    /// Only events at or after (RFC 3339, with its zone): the shorter the span, the sooner the answer.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Only events before.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// The form of the rows.
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
    /// List the tables and their columns.
    #[arg(long, conflicts_with = "statement")]
    tables: bool,
}

/// The form of the rows.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Columns with tabs between, the names first.
    Text,
    /// A JSON object a line.
    Json,
    /// RFC 4180, the names first.
    Csv,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let mut printer = Printer { out: BufWriter::new(io::stdout().lock()), form: args.format, names: Vec::new() };
    match &args.statement {
        None => printer.tables()?,
        Some(statement) => {
            let question = Question { statement: statement.clone(), since: args.since, until: args.until };
            serve::runtime()?
                .block_on(sql::ask(&args.data_dir, &question, &mut printer))
                .context("the statement has no answer")?;
        }
    }
    printer.out.flush()?;
    Ok(ExitCode::SUCCESS)
}

struct Printer {
    out: BufWriter<StdoutLock<'static>>,
    form: Form,
    names: Vec<String>,
}

impl Printer {
    fn tables(&mut self) -> Result<()> {
        for table in TABLES {
            writeln!(self.out, "{}: {}", table.name, table.meaning)?;
            for (name, meaning) in table.columns {
                writeln!(self.out, "  {name:<16} {meaning}")?;
            }
        }
        Ok(())
    }

    fn line(&mut self, cells: impl Iterator<Item = String>) -> Result<()> {
        let separator = if self.form == Form::Csv { "," } else { "\t" };
        let line: Vec<String> = cells.collect();
        writeln!(self.out, "{}", line.join(separator))?;
        Ok(())
    }
}

impl Reader for Printer {
    fn columns(&mut self, names: &[String]) -> Result<()> {
        self.names = names.to_vec();
        let form = self.form;
        match form {
            Form::Json => Ok(()),
            Form::Text | Form::Csv => self.line(names.iter().map(|name| cell(&Value::from(name.as_str()), form))),
        }
    }

    fn row(&mut self, values: &[Value]) -> Result<()> {
        let form = self.form;
        if form == Form::Json {
            let row: Map<String, Value> = self.names.iter().cloned().zip(values.iter().cloned()).collect();
            serde_json::to_writer(&mut self.out, &row)?;
            self.out.write_all(b"\n")?;
            return Ok(());
        }
        self.line(values.iter().map(|value| cell(value, form)))
    }
}

/// A value as a cell. What would end a line or a column is made harmless: a row is one line, whatever an attacker named
/// himself.
fn cell(value: &Value, form: Form) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match form {
        Form::Csv if text.contains(['"', ',', '\n', '\r']) => format!("\"{}\"", text.replace('"', "\"\"")),
        Form::Csv => text,
        Form::Text | Form::Json => text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_in_its_cell() {
        assert_eq!(cell(&Value::from("a\tb\nc"), Form::Text), "a\u{fffd}b\u{fffd}c");
        assert_eq!(cell(&Value::from("a\"b,c"), Form::Csv), "\"a\"\"b,c\"");
        assert_eq!((cell(&Value::Null, Form::Csv), cell(&Value::from(7), Form::Text)), (String::new(), "7".into()));
    }
}
