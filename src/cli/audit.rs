//! What commands record in the audit log of an account.

use crate::model::command_action::CommandAction;
use crate::model::id::AccountId;
use crate::store::audit_events::NewAuditEvent;

/// The record of what this process does to an account.
pub(super) fn event(
    account_id: AccountId,
    action: CommandAction,
    targets: &[&str],
) -> NewAuditEvent {
    NewAuditEvent {
        account_id,
        actor: actor(|name| std::env::var(name).ok()),
        via: "CLI",
        action: action.as_str().to_owned(),
        targets: targets.iter().map(|target| (*target).to_owned()).collect(),
        source_address: None,
    }
}

/// Who runs the command.
fn actor(variable: impl Fn(&str) -> Option<String>) -> String {
    // `sudo` sets USER to the user that it changes to, and SUDO_USER to the one who called it.
    // Anyone can set these variables; who runs this command could write to the table itself.
    let user = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .filter_map(variable)
        .find(|name| !name.is_empty());

    match user {
        Some(user) => format!(
            "command line ({})",
            user.chars().take(64).collect::<String>()
        ),
        None => "command line".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_actor_is_who_runs_the_command() {
        let ann = |name: &str| (name == "SUDO_USER").then(|| "ann".to_owned());
        assert_eq!(actor(ann), "command line (ann)");
        assert_eq!(actor(|_| None), "command line");
    }
}
