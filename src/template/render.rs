//! Renders a parsed template.

use std::sync::Arc;

use super::budget::Stop;
use super::compare::equals;
use super::context::{Context, Scope};
use super::number::slice_bounds;
use super::syntax::{Block, Case, Cycle, Loop, Node};
use super::value::{LoopState, Value};

/// Where a template writes: into the message, or into a variable.
struct Writer {
    text: String,
    is_message: bool,
}

/// Renders a template as a string of the message.
pub(super) fn render(block: &Block, context: &mut Context<'_>) -> Result<String, Stop> {
    let mut writer = Writer {
        text: String::new(),
        is_message: true,
    };
    nodes(block, context, &mut writer)?;

    Ok(writer.text)
}

impl Writer {
    fn write(&mut self, text: &str, context: &mut Context<'_>) -> Result<(), Stop> {
        // What is captured counts as output only when it is written into the message.
        if self.is_message {
            context.budget.output(text.len())?;
        }
        // What a capture gathers grows piece by piece, and so does its cost.
        context.budget.bytes(text.len())?;
        self.text.push_str(text);

        // Only beyond the limit, because this would charge the whole text again for each piece.
        if self.text.len() > super::budget::MAX_INTERMEDIATE {
            context.budget.text(self.text.len())?;
        }
        Ok(())
    }

    fn write_value(&mut self, value: &Value, context: &mut Context<'_>) -> Result<(), Stop> {
        // Filters of numbers refuse such a result themselves, and `sum` does not.
        if let Value::Number(number) = value
            && !number.is_finite()
        {
            return Err(super::value::out_of_range());
        }
        let text = value.clone().plain().text(context.budget)?;

        self.write(&text, context)
    }
}

fn nodes(block: &Block, context: &mut Context<'_>, writer: &mut Writer) -> Result<(), Stop> {
    for part in block {
        context.budget.work(2)?;
        node(part, context, writer)?;
        // The flag stays set until a loop clears it, so each block on the way out ends here.
        // Outside a loop it ends the template, as in LiquidJS.
        if context.is_break || context.is_continue {
            break;
        }
    }

    Ok(())
}

fn node(node: &Node, context: &mut Context<'_>, writer: &mut Writer) -> Result<(), Stop> {
    match node {
        Node::Text(text) => writer.write(text, context),
        Node::Output(filtered) => {
            let value = context.output(filtered)?;
            writer.write_value(&value, context)
        }
        Node::Assign { name, value } => {
            let value = context.value(value)?;
            context.assign(name, value)
        }
        Node::Capture { name, body } => capture(name, body, context),
        Node::If {
            branches,
            otherwise,
        } => {
            for branch in branches {
                context.budget.condition()?;
                let holds = context.value(&branch.condition)?.is_truthy();
                if holds != branch.is_negated {
                    return nodes(&branch.body, context, writer);
                }
            }
            nodes(otherwise, context, writer)
        }
        Node::Case(parsed) => case(parsed, context, writer),
        Node::For(head) => for_loop(head, context, writer),
        Node::TableRow(head) => table_row(head, context, writer),
        Node::Cycle(parsed) => cycle(parsed, context, writer),
        Node::Increment(name) => {
            let before = counter(name, context)?;
            context.counters.insert(Arc::clone(name), before + 1.0);
            writer.write_value(&Value::Number(before), context)
        }
        Node::Decrement(name) => {
            let after = counter(name, context)? - 1.0;
            context.counters.insert(Arc::clone(name), after);
            writer.write_value(&Value::Number(after), context)
        }
        Node::Break => {
            context.is_break = true;
            Ok(())
        }
        Node::Continue => {
            context.is_continue = true;
            Ok(())
        }
        Node::Tags(block) => nodes(block, context, writer),
        Node::Skip(reason) => {
            let reason = match reason {
                // A reason without a value must not make a failure of a notification that is to be
                // withheld.
                Some(reason) => context.value(reason)?.plain().text(context.budget)?,
                None => Arc::from(""),
            };
            // An error, because it must leave every loop and capture at once.
            Err(Stop::Skipped(reason.to_string()))
        }
        Node::Nothing => Ok(()),
    }
}

fn counter(name: &str, context: &mut Context<'_>) -> Result<f64, Stop> {
    // The name is hashed when it is looked up, and again when the count is kept.
    context.budget.bytes(name.len() * 2)?;

    match context.counters.get(name) {
        Some(count) => Ok(*count),
        None => context.counter_start(name),
    }
}

fn capture(name: &Arc<str>, body: &Block, context: &mut Context<'_>) -> Result<(), Stop> {
    let mut captured = Writer {
        text: String::new(),
        is_message: false,
    };
    nodes(body, context, &mut captured)?;

    context.assign(name, Value::from(captured.text))
}

fn case(case: &Case, context: &mut Context<'_>, writer: &mut Writer) -> Result<(), Stop> {
    // LiquidJS compares with what the word stands for here: `{% case empty %}` is the empty text.
    let value = context.value(&case.value)?.plain();
    let mut has_matched = false;

    for when in &case.branches {
        // A `when` may have no candidate, and so no condition that pays for it.
        context.budget.work(1)?;

        for candidate in &when.candidates {
            context.budget.condition()?;
            let candidate = context.operand(candidate, false)?;
            if equals(&value, &candidate, context.budget)? {
                nodes(&when.body, context, writer)?;
                // One candidate is enough for this branch. Later branches are still looked at.
                has_matched = true;
                break;
            }
        }
    }

    if has_matched {
        return Ok(());
    }
    nodes(&case.otherwise, context, writer)
}

/// The parameters of a loop, evaluated.
struct Parameters {
    offset: Option<Value>,
    limit: Option<Value>,
    columns: Option<Value>,
    is_reversed: bool,
}

impl Parameters {
    fn of(head: &Loop, context: &mut Context<'_>) -> Result<Self, Stop> {
        let mut parameters = Self {
            offset: None,
            limit: None,
            columns: None,
            is_reversed: false,
        };

        for (name, operand) in &head.parameters {
            let value = match operand {
                Some(operand) => context.operand(operand, false)?,
                // LiquidJS gives `true` to a word that stands alone, which is 1 as a number:
                // `limit` is `limit: 1`.
                None => Value::Bool(true),
            };
            // LiquidJS takes an undefined parameter for one that is not there. A null is 0.
            if value.is_absent() {
                continue;
            }

            match name.as_str() {
                "offset" => parameters.offset = Some(value),
                "limit" => parameters.limit = Some(value),
                "cols" => parameters.columns = Some(value),
                "reversed" => parameters.is_reversed = true,
                _ => {}
            }
        }

        Ok(parameters)
    }
}

fn for_loop(head: &Loop, context: &mut Context<'_>, writer: &mut Writer) -> Result<(), Stop> {
    let collection = context.operand(&head.collection, false)?;
    let elements = collection.loop_elements(context.budget)?;

    // Before the parameters: a loop that `limit` or `offset` leaves empty does not render its
    // `else`.
    if elements.is_empty() {
        return nodes(&head.otherwise, context, writer);
    }

    let name = name_of(head, context)?;
    // `offset: continue` begins where the last loop over the collection ended.
    // Without one it begins at the first element, and so do all that follow: LiquidJS counts so.
    let reached = context.continues.get(&*name).cloned();
    let stopped = reached.unwrap_or_else(|| Value::Object(Arc::default()));
    context.scopes.push(vec![(Arc::from("continue"), stopped)]);
    let parameters = Parameters::of(head, context);
    context.scopes.pop();
    let parameters = parameters?;

    let elements = chosen(elements, parameters, &name, context)?;

    // `else` and parameters are outside: they see an outer loop's `forloop`.
    context.scopes.push(Scope::new());
    let forloop: Arc<str> = Arc::from("forloop");
    for (index, element) in elements.iter().enumerate() {
        context.budget.iteration()?;
        context.budget.work(4)?;

        let state = LoopState {
            index,
            length: elements.len(),
            name: Arc::clone(&name),
            columns: None,
        };
        context.set_local(&forloop, Value::Loop(Arc::new(state)));
        context.set_local(&head.variable, element.clone());

        context.is_continue = false;
        context.is_break = false;
        nodes(&head.body, context, writer)?;
        if context.is_break {
            break;
        }
    }

    context.is_continue = false;
    context.is_break = false;
    context.scopes.pop();

    Ok(())
}

/// What `LiquidJS` calls a loop: `forloop.name`.
fn name_of(head: &Loop, context: &mut Context<'_>) -> Result<Arc<str>, Stop> {
    let name = format!("{}-{}", head.variable, head.collection_text);
    // It is made for each run of the loop, and hashed twice.
    context.budget.bytes(name.len())?;

    Ok(Arc::from(name))
}

/// The elements of a loop that its parameters leave. Remembers where they end, for `offset: continue`.
fn chosen(
    mut elements: Arc<Vec<Value>>,
    parameters: Parameters,
    name: &Arc<str>,
    context: &mut Context<'_>,
) -> Result<Arc<Vec<Value>>, Stop> {
    // LiquidJS applies `offset`, `limit` and `reversed` in this order, whichever the template has.
    let mut skipped = Value::Number(0.0);
    if let Some(offset) = parameters.offset {
        let from = offset.clone().plain().number(context.budget)?;
        elements = part(&elements, from, f64::INFINITY, context)?;
        if offset.is_truthy_in_js() {
            skipped = offset;
        }
    }

    if let Some(limit) = parameters.limit {
        let limit = limit.plain().number(context.budget)?;
        elements = part(&elements, 0.0, limit, context)?;
    }

    if parameters.is_reversed {
        context.budget.array(elements.len())?;
        elements = Arc::new(elements.iter().rev().cloned().collect());
    }

    // JavaScript's plus: an `offset` that is a text has the count appended.
    let reached = skipped.js_plus(&Value::Number(elements.len() as f64), context.budget)?;
    context.continues.insert(Arc::clone(name), reached);

    Ok(elements)
}

fn part(
    elements: &[Value],
    from: f64,
    to: f64,
    context: &mut Context<'_>,
) -> Result<Arc<Vec<Value>>, Stop> {
    let part = &elements[slice_bounds(elements.len(), from, to)];
    context.budget.array(part.len())?;

    Ok(Arc::new(part.to_vec()))
}

fn table_row(head: &Loop, context: &mut Context<'_>, writer: &mut Writer) -> Result<(), Stop> {
    let collection = context.operand(&head.collection, false)?;
    let elements = collection.loop_elements(context.budget)?;
    let parameters = Parameters::of(head, context)?;

    let offset = parameters
        .offset
        .filter(Value::is_truthy_in_js)
        .map_or(Value::Number(0.0), Value::plain);
    let limit = parameters
        .limit
        .map_or(Value::Number(elements.len() as f64), Value::plain);
    // As LiquidJS does, whose plus joins strings: an offset '1' and a limit 2 make 12.
    let end = offset.js_plus(&limit, context.budget)?;
    let end = end.number(context.budget)?;
    let offset = offset.number(context.budget)?;

    let columns = match parameters.columns {
        Some(columns) => columns.plain().number(context.budget)?,
        None => 0.0,
    };
    let elements = part(&elements, offset, end, context)?;

    // At least one, because the number of a cell is divided by it.
    let columns = if columns >= 1.0 {
        columns as usize
    } else {
        elements.len().max(1)
    };

    context.scopes.push(Scope::new());
    let name = name_of(head, context)?;
    let tablerowloop: Arc<str> = Arc::from("tablerowloop");
    for (index, element) in elements.iter().enumerate() {
        context.budget.iteration()?;
        context.budget.work(4)?;

        let state = LoopState {
            index,
            length: elements.len(),
            name: Arc::clone(&name),
            columns: Some(columns),
        };
        context.set_local(&tablerowloop, Value::Loop(Arc::new(state)));
        context.set_local(&head.variable, element.clone());

        if index % columns == 0 {
            if index > 0 {
                writer.write("</tr>", context)?;
            }
            let row = index / columns + 1;
            writer.write(&format!(r#"<tr class="row{row}">"#), context)?;
        }
        // `break` does not end this loop: LiquidJS goes on and renders the first part of each other
        // cell.
        let column = index % columns + 1;
        writer.write(&format!(r#"<td class="col{column}">"#), context)?;
        nodes(&head.body, context, writer)?;
        writer.write("</td>", context)?;
    }
    if !elements.is_empty() {
        writer.write("</tr>", context)?;
    }
    context.scopes.pop();

    Ok(())
}

fn cycle(cycle: &Cycle, context: &mut Context<'_>, writer: &mut Writer) -> Result<(), Stop> {
    let group = match &cycle.group {
        Some(group) => context.operand(group, false)?,
        None => Value::Absent,
    };

    // LiquidJS makes one key of group and candidates, and an absent group is the text "undefined".
    let group = group.js_text(context.budget)?;
    let key = format!("{group}:{}", cycle.text);
    context.budget.text(key.len())?;

    let index = context.cycles.get(&key).copied().unwrap_or_default();
    context
        .cycles
        .insert(key, (index + 1) % cycle.candidates.len().max(1));
    let Some(candidate) = cycle.candidates.get(index) else {
        return Ok(());
    };

    let value = context.output(candidate)?.plain();
    // LiquidJS returns the value, and writes what a tag returns only if JavaScript takes it for
    // true: 0 is not written.
    if value.is_truthy_in_js() {
        writer.write_value(&value, context)?;
    }
    Ok(())
}
