//! What a template sees while it is rendered: its variables, and what is left of the budget. It
//! evaluates expressions.

use std::collections::HashMap;
use std::sync::Arc;

use super::budget::{Budget, MAX_INTERMEDIATE, Stop};
use super::compare::Operator;
use super::filters::Arguments;
use super::parser;
use super::syntax::{Argument, Expression, Filtered, Operand, Path, Step};
use super::value::{Object, Value, out_of_range};

/// How deep expressions may be within the expressions that filters are given.
const MAX_EXPRESSION_DEPTH: usize = 4;

/// What becomes of an absent variable where it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// The recipient fails and does not get "Hi ,".
    Fails,
    /// It is nil.
    IsEmpty,
}

/// What the templates of a message are rendered with.
pub(super) struct Inputs {
    /// The recipient's variables.
    pub variables: Value,
    /// What every template knows: `now`. Variables of the same name come first.
    pub globals: Object,
    /// The time of sending, in milliseconds since 1970.
    pub now: i64,
    pub missing: Missing,
}

/// Names that tags have given values.
pub(super) type Scope = Vec<(Arc<str>, Value)>;

pub(super) struct Context<'a> {
    inputs: &'a Inputs,
    /// What variables are looked up in: those of the recipient, or an element of a list.
    environment: Value,
    /// By `increment` and `decrement`, in place of variables.
    pub counters: HashMap<Arc<str>, f64>,
    /// The first is of the whole template, and each loop has another.
    pub scopes: Vec<Scope>,
    pub budget: &'a mut Budget,
    pub is_break: bool,
    pub is_continue: bool,
    /// Where the last loop over a collection stopped, by the loop's name.
    pub continues: HashMap<Arc<str>, Value>,
    pub cycles: HashMap<String, usize>,
    expression_depth: usize,
}

impl<'a> Context<'a> {
    pub(super) fn new(inputs: &'a Inputs, budget: &'a mut Budget) -> Self {
        Self {
            inputs,
            environment: inputs.variables.clone(),
            counters: HashMap::new(),
            scopes: vec![Scope::new()],
            budget,
            is_break: false,
            is_continue: false,
            continues: HashMap::new(),
            cycles: HashMap::new(),
            expression_depth: 0,
        }
    }

    /// The time of sending, in milliseconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.inputs.now
    }

    /// Sets a variable of the whole template.
    pub(super) fn assign(&mut self, name: &Arc<str>, value: Value) -> Result<(), Stop> {
        if let Some(scope) = self.scopes.first_mut() {
            // A template may have hundreds of names, and set one again in each turn of a loop.
            self.budget.work(1 + scope.len() / 8)?;
            set(scope, name, value);
        }

        Ok(())
    }

    /// Sets a variable of the innermost loop.
    pub(super) fn set_local(&mut self, name: &Arc<str>, value: Value) {
        if let Some(scope) = self.scopes.last_mut() {
            set(scope, name, value);
        }
    }

    /// Where a counter begins: at the number of this name that the recipient has, or else at 0.
    pub(super) fn counter_start(&self, name: &str) -> Result<f64, Stop> {
        let Value::Object(object) = &self.environment else {
            return Ok(0.0);
        };

        match object.get(name) {
            Some(Value::Number(number)) => Ok(*number),
            // A float may not hold this number exactly, and to begin at 0 would hide that.
            Some(Value::Large(_)) => Err(out_of_range()),
            _ => Ok(0.0),
        }
    }

    /// A value that is written into the message. An absent variable is an error, unless the template
    /// provides for it or the message asks for nothing in its place.
    pub(super) fn output(&mut self, filtered: &Filtered) -> Result<Value, Stop> {
        let is_strict = self.inputs.missing == Missing::Fails && !filtered.has_default();

        self.filtered(filtered, is_strict)
    }

    /// A value that the template decides by or keeps. An absent variable is nil.
    pub(super) fn value(&mut self, filtered: &Filtered) -> Result<Value, Stop> {
        self.filtered(filtered, false)
    }

    fn filtered(&mut self, filtered: &Filtered, is_strict: bool) -> Result<Value, Stop> {
        let mut value = self.expression(&filtered.initial, is_strict)?;

        for call in &filtered.filters {
            self.budget.work(8)?;
            let mut arguments = Vec::with_capacity(call.arguments.len());
            for argument in &call.arguments {
                // An absent argument leaves a gap too: without `points`, `{{ 3 | plus: points }}`
                // would write 3.
                arguments.push(match argument {
                    Argument::Positional(operand) => self.operand(operand, is_strict)?,
                    Argument::Named(name, operand) => {
                        // A pair without a value has no operand that is charged, so the pair itself
                        // is charged.
                        self.budget.work(2)?;
                        let value = match operand {
                            Some(operand) => self.operand(operand, is_strict)?,
                            None => Value::Absent,
                        };
                        // LiquidJS passes a pair, so a filter that reads its arguments by position
                        // meets the pair there.
                        Value::array(vec![Value::Text(Arc::clone(name)), value])
                    }
                });
            }
            value = (call.filter)(self, value, &Arguments(arguments))
                .map_err(|stop| named(stop, call.name))?;
        }

        Ok(value)
    }

    fn expression(&mut self, expression: &Expression, is_strict: bool) -> Result<Value, Stop> {
        // What operators see may be absent.
        if let [Step::Operand(operand)] = expression.0.as_slice() {
            return self.operand(operand, is_strict);
        }

        let mut operands: Vec<Value> = Vec::new();
        for step in &expression.0 {
            match step {
                Step::Operand(operand) => operands.push(self.operand(operand, false)?),
                Step::Operator(operator) => {
                    self.budget.work(2)?;
                    // `{{ a == }}` can be parsed: what is missing is undefined in LiquidJS.
                    let right = operands.pop().unwrap_or(Value::Absent);
                    let left = match operator {
                        Operator::Not => Value::Absent,
                        _ => operands.pop().unwrap_or(Value::Absent),
                    };
                    let result = operator.apply(&left, &right, self.budget)?;
                    operands.push(Value::Bool(result));
                }
            }
        }
        // `{{ 1 2 }}` writes 1: LiquidJS takes the first operand and ignores the others.
        Ok(operands.into_iter().next().unwrap_or(Value::Absent))
    }

    pub(super) fn operand(&mut self, operand: &Operand, is_strict: bool) -> Result<Value, Stop> {
        self.budget.work(2)?;

        match operand {
            Operand::Value(value) => Ok(value.clone()),
            Operand::Path(path) => self.path(path, is_strict),
            Operand::Range(range) => {
                let from = self
                    .operand(&range.0, is_strict)?
                    .plain()
                    .number(self.budget)?;
                let to = self
                    .operand(&range.1, is_strict)?
                    .plain()
                    .number(self.budget)?;
                numbers(from, to, self.budget)
            }
        }
    }

    fn path(&mut self, path: &Path, is_strict: bool) -> Result<Value, Stop> {
        let mut keys = path.keys.iter();
        let mut value = match &path.base {
            Some(base) => self.operand(base, is_strict)?,
            None => {
                let Some(first) = keys.next() else {
                    return Ok(Value::Absent);
                };
                let key = self.operand(first, false)?;
                self.variable(&key)?
            }
        };

        let mut is_absent = value.is_absent();
        for key in keys {
            // A property of nil is as absent as one of nothing.
            is_absent |= value.is_nil();
            let key = self.operand(key, false)?;
            value = value.property(&key, self.budget)?;
            is_absent |= value.is_absent();
        }

        if is_strict && is_absent {
            return Err(absent(&path.text));
        }
        Ok(value)
    }

    fn variable(&mut self, key: &Value) -> Result<Value, Stop> {
        let name = match key {
            Value::Text(name) => Arc::clone(name),
            other => other.clone().plain().js_text(self.budget)?,
        };

        // LiquidJS looks in this order: the innermost loop, `assign`, the recipient's variables,
        // globals. It counts with `increment` in the recipient's variables, and so hides the one of
        // that name.
        for scope in self.scopes.iter().rev() {
            // Names are searched one after the other, so a template with many `assign`s pays for
            // each look-up.
            self.budget.work(1 + scope.len() / 8)?;
            if let Some((_, value)) = scope.iter().find(|(known, _)| *known == name) {
                return Ok(value.clone());
            }
        }
        if !self.counters.is_empty() {
            // The whole name is hashed, and it may be as long as a template.
            self.budget.bytes(name.len())?;
            if let Some(count) = self.counters.get(&name) {
                return Ok(Value::Number(*count));
            }
        }
        let found = match &self.environment {
            Value::Object(object) => {
                self.budget.work(1 + object.0.len() / 8)?;
                object.get(&name).cloned()
            }
            other => {
                let key = Value::Text(Arc::clone(&name));
                let found = other.property(&key, self.budget)?;
                Some(found).filter(|found| !found.is_nil())
            }
        };

        Ok(found
            .or_else(|| self.inputs.globals.get(&name).cloned())
            .unwrap_or(Value::Absent))
    }

    /// The property of an element that a filter names: `a.b[0]`.
    pub(super) fn property_of(
        &mut self,
        element: &Value,
        path: Option<&Path>,
    ) -> Result<Value, Stop> {
        let Some(path) = path else {
            return Ok(Value::Absent);
        };

        // LiquidJS looks the property up in a new context, in which the element takes the place of
        // the variables: neither `assign` nor a loop is seen there.
        let environment = std::mem::replace(&mut self.environment, element.clone());
        let scopes = std::mem::take(&mut self.scopes);
        let counters = std::mem::take(&mut self.counters);
        let found = self.path(path, false);
        self.environment = environment;
        self.scopes = scopes;
        self.counters = counters;

        found
    }

    /// The property of an element by names between dots.
    pub(super) fn dotted(&mut self, element: &Value, names: &str) -> Result<Value, Stop> {
        let mut value = element.clone();
        for name in names.split('.') {
            self.budget.work(2)?;
            value = value.property(&Value::from(name), self.budget)?;
        }

        Ok(value)
    }

    /// The value of an expression that a filter is given as text, for each of `elements` up to the first
    /// whose value `is_last`.
    pub(super) fn for_each(
        &mut self,
        elements: &[Value],
        name: &str,
        expression: &str,
        is_last: fn(&Value) -> bool,
    ) -> Result<Vec<Value>, Stop> {
        // An expression may name itself through a variable. Each level takes the thread's stack.
        if self.expression_depth >= MAX_EXPRESSION_DEPTH {
            return Err(Stop::failed(format!(
                "expressions are nested deeper than {MAX_EXPRESSION_DEPTH} levels"
            )));
        }
        // The text may come from a variable, so it is parsed again for each recipient.
        self.budget.work(expression.len())?;
        let expression = parser::parse_expression(expression).map_err(Stop::Failed)?;

        self.expression_depth += 1;
        let name: Arc<str> = Arc::from(name);
        let mut values = Vec::with_capacity(elements.len());
        for element in elements {
            // An expression costs as much as the body of a loop, so each element is a turn.
            self.budget.iteration()?;
            self.scopes.push(vec![(Arc::clone(&name), element.clone())]);
            let value = self.value(&expression);
            self.scopes.pop();
            values.push(value?);
            if values.last().is_some_and(is_last) {
                break;
            }
        }
        self.expression_depth -= 1;

        Ok(values)
    }
}

fn set(scope: &mut Scope, name: &Arc<str>, value: Value) {
    match scope.iter_mut().find(|(known, _)| known == name) {
        Some((_, known)) => *known = value,
        None => scope.push((Arc::clone(name), value)),
    }
}

/// The numbers from one to another.
fn numbers(from: f64, to: f64, budget: &mut Budget) -> Result<Value, Stop> {
    // An absent end is NaN in JavaScript, and no number is below NaN: the loop has no turn.
    if from.is_nan() || to.is_nan() {
        return Ok(Value::array(Vec::new()));
    }
    let count = (to - from + 1.0).max(0.0).ceil();
    // Charged before it is made: `(1..n)` is as long as a recipient's variable says.
    budget.array(if count > MAX_INTERMEDIATE as f64 {
        usize::MAX
    } else {
        count as usize
    })?;

    let numbers = (0..count as usize).map(|offset| Value::Number(from + offset as f64));
    Ok(Value::array(numbers.collect()))
}

/// The error of a variable that has no value. It names the variable and no value.
fn absent(name: &str) -> Stop {
    Stop::failed(format!(
        "the variable {name} has no value; give it one, or a default: {{{{ {name} | default: '' }}}}"
    ))
}

/// The error of a filter, which it does not name itself.
fn named(stop: Stop, filter: &str) -> Stop {
    match stop {
        // Such a sentence has a subject of its own: a variable, a text, or a filter that is named
        // already.
        Stop::Failed(message) if !message.starts_with("the ") => {
            Stop::Failed(format!("the filter {filter} failed: {message}"))
        }
        other => other,
    }
}
