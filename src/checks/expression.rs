//! CEL as checks need it: one kind of number, and no more work than a measurement is worth. Pure.
//!
//! The language is the library's. Three things are added to what was read before it is evaluated. Arithmetic takes whole and
//! fractional numbers together, as comparisons do already: people write `baseline * 2`. Work is counted, because whoever may
//! write an expression must not be able to occupy the operator or its memory with it. And reading and evaluating happen on a
//! stack of their own: the library recurses, and the end of a stack is the end of the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use cel::common::ast::operators::{ADD, DIVIDE, MODULO, MULTIPLY, SUBSTRACT};
use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue};
use cel::parser::Parser;
use cel::{Context, ExecutionError, Value};

/// The longest expression, in bytes; the schema says the same in characters.
const LONGEST: usize = 4096;
/// The most operators, brackets, commas and dots: what nesting is made of. No expression that people read has as many.
const MOST_SIGNS: usize = 500;
/// What the deepest expression of that many signs needs, several times over, in a build without optimisation. Only what is
/// touched costs memory.
const STACK: usize = 128 * 1024 * 1024;
/// How many elements and bytes one evaluation may go through.
const WORK: u64 = 500_000;
/// What reading one regular expression counts as.
const PATTERN: u64 = 10_000;

/// The arithmetic operators, and what they are replaced by.
const ARITHMETIC: [(&str, &str); 5] =
    [(ADD, "@sum"), (SUBSTRACT, "@difference"), (MULTIPLY, "@product"), (DIVIDE, "@quotient"), (MODULO, "@remainder")];
/// Counts what an iteration goes through.
const OVER: &str = "@over";
/// Counts a regular expression.
const MATCHING: &str = "@matching";

/// An expression that was read.
pub(super) struct Expression(IdedExpr);

/// Why an expression came to nothing, without the values in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There is no such name.
    Name(String),
    /// There is no such key or index in a value.
    Key,
    /// Values of different kinds were compared or combined: which.
    Kinds(String),
    /// Something was divided by zero.
    Zero,
    /// It takes too much work.
    Work,
    /// The answer is neither true nor false.
    NotBoolean,
    /// Anything else.
    Other,
}

impl Expression {
    /// Reads an expression.
    pub fn read(source: &str) -> Result<Self, String> {
        if source.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} bytes"));
        }
        let signs =
            source.chars().filter(|sign| !sign.is_alphanumeric() && !sign.is_whitespace() && *sign != '_').count();
        if signs > MOST_SIGNS {
            return Err(format!(
                "it has {signs} signs where at most {MOST_SIGNS} are read; split the check into several"
            ));
        }
        let read = on_own_stack(|| match Parser::new().parse(source) {
            Ok(mut expression) => {
                prepare(&mut expression);
                Ok(Self(expression))
            }
            Err(errors) => Err(errors.errors.first().map_or_else(String::new, |error| {
                let column = usize::try_from(error.pos.1).unwrap_or(0).max(1);
                format!("at column {column}: {}", error.msg.lines().next().unwrap_or_default())
            })),
        });
        read.ok_or_else(|| "there is no memory to read it with".to_owned())?
    }

    /// Whether it mentions a name, or the literal `null`.
    pub fn mentions(&self, name: &str) -> bool {
        mentions(&self.0, name)
    }

    /// Evaluates it to true or false.
    pub fn holds<'a>(
        &self,
        names: impl IntoIterator<Item = (&'a String, &'a serde_json::Value)>,
    ) -> Result<bool, Trouble> {
        let work = Arc::new(Work::default());
        let names: Vec<(&String, Value)> = names.into_iter().map(|(name, value)| (name, number_or(value))).collect();
        on_own_stack(|| {
            let mut context = Context::default();
            for (name, value) in names {
                context.add_variable_from_value(name.as_str(), value);
            }
            add_functions(&mut context, &work).map_err(|_| Trouble::Other)?;
            let result = Value::resolve(&self.0, &context);
            // `||` and `exists` swallow errors, this one too.
            if work.is_used_up() {
                return Err(Trouble::Work);
            }
            match result {
                Ok(Value::Bool(holds)) => Ok(holds),
                Ok(_) => Err(Trouble::NotBoolean),
                Err(error) => Err(trouble(&error)),
            }
        })
        .unwrap_or(Err(Trouble::Other))
    }
}

/// Runs something on a large stack; `None` where there is none to be had.
fn on_own_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("expression".to_owned()).stack_size(STACK).spawn_scoped(scope, work);
        thread.ok()?.join().ok()
    })
}

fn mentions(expression: &IdedExpr, name: &str) -> bool {
    let entry = |entry: &EntryExpr| match entry {
        EntryExpr::StructField(field) => mentions(&field.value, name),
        EntryExpr::MapEntry(entry) => mentions(&entry.key, name) || mentions(&entry.value, name),
    };
    match &expression.expr {
        Expr::Ident(ident) => ident == name,
        Expr::Literal(literal) => name == "null" && *literal == LiteralValue::Null,
        Expr::Call(call) => {
            call.target.as_deref().into_iter().chain(&call.args).any(|argument| mentions(argument, name))
        }
        Expr::Comprehension(iteration) => {
            [&iteration.iter_range, &iteration.accu_init, &iteration.loop_step, &iteration.result]
                .into_iter()
                .any(|part| mentions(part, name))
        }
        Expr::List(list) => list.elements.iter().any(|element| mentions(element, name)),
        Expr::Map(map) => map.entries.iter().any(|one| entry(&one.expr)),
        Expr::Struct(value) => value.entries.iter().any(|one| entry(&one.expr)),
        Expr::Select(select) => mentions(&select.operand, name),
        Expr::Unspecified => false,
    }
}

/// Puts arithmetic and counting in.
fn prepare(expression: &mut IdedExpr) {
    match &mut expression.expr {
        Expr::Call(call) => {
            call.target.as_deref_mut().into_iter().chain(&mut call.args).for_each(prepare);
            let replaced = ARITHMETIC.iter().find(|(operator, _)| *operator == call.func_name);
            if let Some((_, function)) = replaced.filter(|_| call.args.len() == 2 && !grows_a_result(call)) {
                call.func_name = (*function).to_owned();
            }
            if call.func_name == "matches" {
                call.args.iter_mut().for_each(|pattern| wrap(MATCHING, pattern));
            }
        }
        Expr::Comprehension(iteration) => {
            for part in [
                &mut iteration.iter_range,
                &mut iteration.accu_init,
                &mut iteration.loop_cond,
                &mut iteration.loop_step,
                &mut iteration.result,
            ] {
                prepare(part);
            }
            wrap(OVER, &mut iteration.iter_range);
        }
        Expr::List(list) => list.elements.iter_mut().for_each(prepare),
        Expr::Map(map) => map.entries.iter_mut().for_each(|entry| prepare_entry(&mut entry.expr)),
        Expr::Struct(value) => value.entries.iter_mut().for_each(|entry| prepare_entry(&mut entry.expr)),
        Expr::Select(select) => prepare(&mut select.operand),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
}

fn prepare_entry(entry: &mut EntryExpr) {
    match entry {
        EntryExpr::StructField(field) => prepare(&mut field.value),
        EntryExpr::MapEntry(entry) => {
            prepare(&mut entry.key);
            prepare(&mut entry.value);
        }
    }
}

/// Whether an addition is the library's own, which collects what `map` and `filter` find: it knows how to do that in place.
fn grows_a_result(call: &CallExpr) -> bool {
    matches!(call.args.first().map(|first| &first.expr), Some(Expr::Ident(name)) if name.starts_with('@'))
}

/// Makes `function(expression)` of an expression.
fn wrap(function: &str, expression: &mut IdedExpr) {
    let id = expression.id;
    let inner = std::mem::take(expression);
    let call = CallExpr { func_name: function.to_owned(), target: None, args: vec![inner] };
    *expression = IdedExpr { id, expr: Expr::Call(call) };
}

/// How much an evaluation went through.
#[derive(Default)]
struct Work(AtomicU64);

impl Work {
    fn count(&self, function: &str, work: u64) -> Result<(), ExecutionError> {
        self.0.fetch_add(work, Ordering::Relaxed);
        if self.is_used_up() { Err(ExecutionError::function_error(function, "too much work")) } else { Ok(()) }
    }

    fn is_used_up(&self) -> bool {
        self.0.load(Ordering::Relaxed) > WORK
    }
}

fn add_functions(context: &mut Context<'_, '_>, work: &Arc<Work>) -> Result<(), cel::DeclarationError> {
    let counter = work.clone();
    context.add_function(OVER, move |range: Value| counter.count(OVER, size(&range)).map(|()| range))?;
    let counter = work.clone();
    context.add_function(MATCHING, move |pattern: Value| {
        counter.count(MATCHING, PATTERN + size(&pattern)).map(|()| pattern)
    })?;
    let counter = work.clone();
    context.add_function("@sum", move |a: Value, b: Value| match (&a, &b) {
        (Value::String(_) | Value::List(_) | Value::Bytes(_), _) => {
            counter.count("@sum", size(&a) + size(&b)).and_then(|()| a + b)
        }
        _ => combine(a, b, |a, b| a + b, |a, b| a + b),
    })?;
    context.add_function("@difference", |a: Value, b: Value| combine(a, b, |a, b| a - b, |a, b| a - b))?;
    context.add_function("@product", |a: Value, b: Value| combine(a, b, |a, b| a * b, |a, b| a * b))?;
    context.add_function("@remainder", |a: Value, b: Value| {
        let zero = number(&b) == Some(0.0);
        if zero { Err(ExecutionError::RemainderByZero(a)) } else { combine(a, b, |a, b| a % b, |a, b| a % b) }
    })?;
    // One third is not zero, and nothing divided by zero is a measurement.
    context.add_function("@quotient", |a: Value, b: Value| match (number(&a), number(&b)) {
        (Some(_), Some(0.0)) => Err(ExecutionError::DivisionByZero(a)),
        (Some(x), Some(y)) => Ok(Value::Float(x / y)),
        _ => a / b,
    })?;
    Ok(())
}

/// Combines two whole numbers as such, and any other two numbers as fractional ones.
fn combine(
    a: Value,
    b: Value,
    numbers: impl Fn(f64, f64) -> f64,
    others: impl Fn(Value, Value) -> Result<Value, ExecutionError>,
) -> Result<Value, ExecutionError> {
    match (&a, &b) {
        (Value::Int(_), Value::Int(_)) | (Value::UInt(_), Value::UInt(_)) => others(a, b),
        _ => match (number(&a), number(&b)) {
            (Some(x), Some(y)) => Ok(Value::Float(numbers(x, y))),
            _ => others(a, b),
        },
    }
}

#[expect(clippy::cast_precision_loss, reason = "every number of a measurement is a fractional one")]
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(number) => Some(*number as f64),
        Value::UInt(number) => Some(*number as f64),
        Value::Float(number) => Some(*number),
        _ => None,
    }
}

/// How many elements and bytes a value is made of.
fn size(value: &Value) -> u64 {
    let bytes = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
    match value {
        Value::List(list) => 1 + list.iter().map(size).sum::<u64>(),
        Value::Map(map) => 1 + map.map.values().map(|value| 1 + size(value)).sum::<u64>(),
        Value::String(text) => 1 + bytes(text.len()),
        Value::Bytes(text) => 1 + bytes(text.len()),
        _ => 1,
    }
}

/// A measured value as expressions see it: every number is a fractional one, so that a half is never cut off.
fn number_or(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => number.as_f64().map_or(Value::Null, Value::Float),
        serde_json::Value::String(text) => Value::String(Arc::new(text.clone())),
        serde_json::Value::Array(list) => Value::List(Arc::new(list.iter().map(number_or).collect())),
        serde_json::Value::Object(map) => {
            let map: std::collections::HashMap<String, Value> =
                map.iter().map(|(name, value)| (name.clone(), number_or(value))).collect();
            Value::Map(map.into())
        }
    }
}

/// What went wrong, without the values that the library's own words show.
fn trouble(error: &ExecutionError) -> Trouble {
    match error {
        ExecutionError::UndeclaredReference(name) => Trouble::Name(name.to_string()),
        ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_) => Trouble::Key,
        ExecutionError::ValuesNotComparable(a, b)
        | ExecutionError::UnsupportedBinaryOperator(_, a, b)
        | ExecutionError::UnsupportedIndex(a, b) => Trouble::Kinds(format!("{} and {}", kind(a), kind(b))),
        ExecutionError::NoSuchOverload(error) => {
            Trouble::Kinds(error.argument_types().iter().map(|name| kind_of(name)).collect::<Vec<_>>().join(" and "))
        }
        ExecutionError::UnexpectedType { .. } => Trouble::Kinds("another kind of value than it takes".to_owned()),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => Trouble::Zero,
        _ => Trouble::Other,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Int(_) | Value::UInt(_) | Value::Float(_) => "a number",
        Value::String(_) => "a text",
        Value::Bool(_) => "true or false",
        Value::List(_) => "a list",
        Value::Map(_) => "an object",
        Value::Null => "null",
        _ => "something else",
    }
}

/// The same of a name of the library's.
fn kind_of(name: &str) -> &'static str {
    match name {
        "int" | "uint" | "double" => "a number",
        "string" => "a text",
        "bool" => "true or false",
        "list" => "a list",
        "map" => "an object",
        "null_type" | "null" => "null",
        _ => "something else",
    }
}
