//! Chooses a person's account and role by the groups that the identity provider sends.

use serde_json::Value;

use crate::store::api_keys::Role;

/// The group of every person whom the provider authenticates.
const EVERYBODY: &str = "*";

/// People of this group log in to this account with this role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccessRule {
    pub role: Role,
    /// The account's name.
    pub account: String,
    pub group: String,
}

/// The first of `rules` that names one of `groups`, or [`EVERYBODY`].
pub(super) fn access_of<'a>(rules: &'a [AccessRule], groups: &[String]) -> Option<&'a AccessRule> {
    rules
        .iter()
        .find(|rule| rule.group == EVERYBODY || groups.contains(&rule.group))
}

/// The names of the accounts in which a rule gives `role`. A session keeps no groups, so it may
/// go on as long as there is such a rule.
pub(in crate::console) fn accounts_with(rules: &[AccessRule], role: Role) -> Vec<String> {
    rules
        .iter()
        .filter(|rule| rule.role == role)
        .map(|rule| rule.account.clone())
        .collect()
}

/// The groups that the claim `name` lists, or the one that it names. The parts of a path to a claim within
/// another are joined by dots. `None`: there is no such claim.
pub(super) fn groups_in(claims: &Value, name: &str) -> Option<Vec<String>> {
    // First as it is: a claim's own name may hold dots, as a URL does.
    let claim = claims.get(name).or_else(|| within(claims, name))?;

    match claim {
        Value::String(group) => Some(vec![group.clone()]),
        Value::Array(groups) => Some(
            groups
                .iter()
                // A rule names a group by a string, so another value can't match one.
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        ),
        _ => None,
    }
}

fn within<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.')
        .try_fold(claims, |claim, part| claim.get(part))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(role: Role, account: &str, group: &str) -> AccessRule {
        AccessRule {
            role,
            account: account.to_owned(),
            group: group.to_owned(),
        }
    }

    #[test]
    fn the_first_rule_about_one_of_the_groups_counts() {
        let rules = [
            rule(Role::Full, "acme", "admins"),
            rule(Role::Send, "acme", "marketing"),
            rule(Role::Full, "other", "marketing"),
        ];
        let of = |groups: &[&str]| {
            let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
            access_of(&rules, &groups).cloned()
        };

        assert_eq!(of(&["marketing", "admins"]), Some(rules[0].clone()));
        assert_eq!(of(&["marketing"]), Some(rules[1].clone()));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&["", "Admins", "admins ", "*"]), None);
    }

    #[test]
    fn a_rule_may_be_about_everybody() {
        let rules = [
            rule(Role::Full, "acme", "admins"),
            rule(Role::Read, "acme", "*"),
        ];

        assert_eq!(access_of(&rules, &[]), Some(&rules[1]));
        assert_eq!(access_of(&rules, &["admins".to_owned()]), Some(&rules[0]));
    }

    #[test]
    fn a_role_is_given_in_the_accounts_of_its_rules() {
        let rules = [
            rule(Role::Full, "acme", "admins"),
            rule(Role::Read, "acme", "*"),
            rule(Role::Full, "other", "admins"),
        ];

        assert_eq!(accounts_with(&rules, Role::Full), ["acme", "other"]);
        assert_eq!(accounts_with(&rules, Role::Send), [""; 0]);
    }

    #[test]
    fn groups_are_a_list_or_one_and_may_be_within_another_claim() {
        for (claims, name, expected) in [
            (
                json!({"groups": ["a", "b", 7]}),
                "groups",
                Some(vec!["a", "b"]),
            ),
            (json!({"groups": "a"}), "groups", Some(vec!["a"])),
            (json!({"groups": []}), "groups", Some(vec![])),
            (
                json!({"realm": {"roles": ["a"]}}),
                "realm.roles",
                Some(vec!["a"]),
            ),
            (
                json!({"https://example.com/groups": ["a"]}),
                "https://example.com/groups",
                Some(vec!["a"]),
            ),
            (json!({"groups": {"admins": true}}), "groups", None),
            (json!({"roles": ["a"]}), "groups", None),
            (json!({}), "realm.roles", None),
            (Value::Null, "groups", None),
        ] {
            let found = groups_in(&claims, name);
            let expected = expected.map(|groups| groups.into_iter().map(str::to_owned).collect());
            assert_eq!(found, expected, "{claims}");
        }
    }
}
