//! What is expected of a measurement: a CEL expression over named values. Pure.

use std::fmt;
use std::sync::Arc;

use cel::{Context, Program, Value};
use serde_json::Map;

/// An expression that does not read as CEL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}` is not a CEL expression: {problem}; write something like \"value < 0.01\"")]
pub struct InvalidExpectation {
    /// As it was written.
    pub expression: String,
    /// What is wrong.
    pub problem: String,
}

/// An expression that a measurement must make true.
#[derive(Clone)]
pub struct Expectation {
    /// As it was written.
    pub expression: String,
    program: Arc<Program>,
}

impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expectation({})", self.expression)
    }
}

impl PartialEq for Expectation {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression
    }
}

impl Expectation {
    /// Reads an expression.
    ///
    /// # Errors
    /// When it is not one.
    pub fn compile(expression: &str) -> Result<Self, InvalidExpectation> {
        let program = Program::compile(expression)
            .map_err(|error| InvalidExpectation { expression: expression.to_owned(), problem: error.to_string() })?;
        Ok(Self { expression: expression.to_owned(), program: Arc::new(program) })
    }

    /// Whether it is true of these values.
    ///
    /// # Errors
    /// Why it cannot be told: a name that is not there, an answer that is neither true nor false.
    pub fn holds(&self, names: &Map<String, serde_json::Value>) -> Result<bool, String> {
        let mut context = Context::default();
        for (name, value) in names {
            context
                .add_variable(name.as_str(), value)
                .map_err(|error| format!("{name} cannot be used in an expression: {error}"))?;
        }
        match self.program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(_) => Err(format!("`{}` is neither true nor false", self.expression)),
            Err(error) => Err(format!("`{}` cannot be judged: {error}", self.expression)),
        }
    }
}
