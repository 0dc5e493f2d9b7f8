//! The large tables can be distributed by the Operation's id: each key contains it, each statement
//! names it, and no constraint crosses to another table. Checked are the catalog of a plain
//! Postgres and every statement that is checked when compiling. `clippy.toml` forbids others.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::database::Database;

/// What is distributed on Citus, and its column with the Operation's id.
const DISTRIBUTED: [(&str, &str); 3] = [
    ("operations", "id"),
    ("push_notifications", "operation_id"),
    ("delivery_attempts", "operation_id"),
];

/// Statements that name no Operation: a part of the text that only they have, the table (empty:
/// all), and why they may.
const EXCEPTIONS: [(&str, &str, &str); 5] = [
    (
        "where (account_id, id) >= ($1, $2) and (account_id, id) < ($1, $3) and id",
        "operations",
        "lists an account's Operations, by a range of ids",
    ),
    (
        "(select count(*) from operations_default",
        "",
        "counts what is old and in no day's partition",
    ),
    (
        "delete from operations_default",
        "operations_default",
        "removes that",
    ),
    (
        "delete from push_notifications_default",
        "push_notifications_default",
        "removes that",
    ),
    (
        "delete from delivery_attempts_default",
        "delivery_attempts_default",
        "removes that",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_catalog_has_nothing_that_binds_a_large_table_to_one_machine() {
    let database = Database::new().await;
    let mut connection = database.pool.acquire().await.unwrap();
    let today = time::OffsetDateTime::now_utc().date();
    bellwire::store::partitions::create(&mut connection, today, 1)
        .await
        .unwrap();
    let large = "with large as (
                     select pg_class.oid, relname::text as name,
                         case when relname ~ '^operations' then 'id' else 'operation_id' end as key
                     from pg_class
                     where relkind in ('r', 'p') and relnamespace = current_schema()::regnamespace
                         and relname ~ '^(operations|push_notifications|delivery_attempts|batches)(_default|_[0-9]{8})?$'
                 )";
    let found = async |query: &str| -> Vec<String> {
        let query = format!("{large} {query}");
        sqlx::query_scalar(sqlx::AssertSqlSafe(query))
            .fetch_all(&database.pool)
            .await
            .unwrap()
    };
    assert_eq!(
        found("select name from large").await.len(),
        12,
        "four tables, with a default and a day's partition each"
    );

    let none: [&str; 0] = [];
    let without_key = "select name from large where not exists (
                           select from pg_index where indrelid = oid and indisprimary
                       )";
    assert_eq!(found(without_key).await, none, "no primary key");

    let keys_without_id =
        "select indexrelid::regclass::text from large join pg_index on indrelid = oid
                           where indisunique and not exists (
                               select from pg_attribute
                               where attrelid = indrelid and attname = key
                                   and attnum = any((indkey::smallint[])[0 : indnkeyatts - 1])
                           )";
    assert_eq!(
        found(keys_without_id).await,
        none,
        "unique without the Operation's id"
    );

    let foreign_keys =
        "select conname::text from large join pg_constraint on large.oid in (conrelid, confrelid)
                        where contype = 'f'";
    assert_eq!(
        found(foreign_keys).await,
        none,
        "foreign keys from or to a large table"
    );

    let triggers = "select tgname::text from large join pg_trigger on tgrelid = large.oid where not tgisinternal";
    assert_eq!(found(triggers).await, none, "triggers");

    let sequences =
        "select name || '.' || attname from large join pg_attribute on attrelid = large.oid
                     left join pg_attrdef on adrelid = attrelid and adnum = attnum
                     where attidentity <> '' or pg_get_expr(adbin, adrelid) ~ 'nextval'";
    assert_eq!(
        found(sequences).await,
        none,
        "columns that come from a sequence"
    );
}

/// How delivery plans its statements: see `store::pool`.
const PLANNING: &str = "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; \
                        set enable_hashjoin = off; set enable_mergejoin = off; set enable_material = off; \
                        set jit = off;";

/// The checked statement that has `part` in its text.
fn statement_with(part: &str) -> String {
    let statements = fs::read_dir(root(".sqlx")).unwrap().filter_map(|file| {
        let file: Value =
            serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        Some(file["query"].as_str()?.to_owned())
    });
    let found: Vec<String> = statements.filter(|text| text.contains(part)).collect();
    assert_eq!(found.len(), 1, "{part}");

    found.into_iter().next().unwrap()
}

/// The plan of a statement with these arguments, on a database with partitions.
async fn plan(statement: &str, arguments: &str) -> String {
    let database = Database::new().await;
    let mut connection = database.pool.acquire().await.unwrap().detach();
    let today = time::OffsetDateTime::now_utc().date();
    bellwire::store::partitions::create(&mut connection, today, 3)
        .await
        .unwrap();

    let prepare = format!("{PLANNING} prepare explained as {statement}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(prepare))
        .execute(&mut connection)
        .await
        .unwrap();
    let explain = format!("explain (costs off) execute explained ({arguments})");
    let lines: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(explain))
        .persistent(false)
        .fetch_all(&mut connection)
        .await
        .unwrap();

    lines.join("\n")
}

/// Claims find an account's batches by its part of the index, in every partition, and read nothing
/// else. `batches` is local to the coordinator of Citus, and no other table is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_looks_into_the_index_of_an_account_alone() {
    let account = "'{00000000-0000-0000-0000-000000000001}', '{1}', '{1}'";
    let since = "'{0}', '{2026-01-01}'";
    let claims = [
        (
            "fitting.notifications_of_all",
            format!("{account}, '{{500}}', '{{500}}', {since}, 200, 10000, 15000, 30"),
        ),
        (
            "The oldest of each queue",
            format!("{account}, {since}, 30"),
        ),
    ];

    for (part, arguments) in claims {
        let plan = plan(&statement_with(part), &arguments).await;
        // Three days and the default partition.
        let conditions = plan
            .lines()
            .filter(|line| {
                ["account_id =", "rank =", "due_at >=", "due_at <="]
                    .iter()
                    .all(|part| line.contains(part))
                    && line.contains("Index Cond")
            })
            .count();
        assert_eq!(conditions, 4, "{plan}");
        assert!(!plan.contains("Seq Scan"), "{plan}");
        assert!(
            plan.contains("Merge Append"),
            "in the order of the index:\n{plan}"
        );
    }
}

/// Parameters of `fan_out_step.sql`.
const FAN_OUT_PARAMETERS: usize = 10;

/// In new tables, of which Postgres knows nothing yet, an import looks for each token and each external id
/// in an index, and a send for each User. Otherwise each is compared with every row of the account.
#[tokio::test(flavor = "multi_thread")]
async fn each_row_is_found_by_its_index_though_the_tables_are_new() {
    let account = "'00000000-0000-0000-0000-000000000001'";
    let looks = [
        (
            "with ordinality as wanted (app_name, provider, token_hash, index)",
            format!("{account}, '{{demo}}', '{{FCM}}', '{{ab}}'"),
            "token_hash = wanted.token_hash",
        ),
        (
            "from unnest($2::text[]) as wanted (external_id)",
            format!("{account}, '{{customer-1}}'"),
            "external_id = wanted.external_id",
        ),
        (
            "from unnest($2::uuid[]) as wanted (user_id)\n        join device_registrations",
            format!("'{{demo}}', '{{{}}}'", account.trim_matches('\'')),
            "user_id = wanted.user_id",
        ),
        (
            "-- Each is parsed once.",
            "'{}', '{}', '{}', '{}', '{}', '{}'".to_owned(),
            "user_id = wanted.user_id",
        ),
        (
            "-- The next $1 Users: of the App",
            ["null"; FAN_OUT_PARAMETERS].join(", "),
            "user_id = looked_at.user_id",
        ),
        (
            "cross join unnest($2::bytea[]) as wanted (token_hash)",
            format!("{account}, '{{ab}}'"),
            "token_hash = wanted.token_hash",
        ),
    ];

    for (part, arguments, condition) in looks {
        let plan = plan(&statement_with(part), &arguments).await;
        let has_condition = |line: &str| line.contains("Index Cond") && line.contains(condition);
        assert!(plan.lines().any(has_condition), "{plan}");
    }
}

/// Parameters of `outcome_record.sql`.
const RECORD_PARAMETERS: usize = 29;

/// Outcomes are recorded for thousands of batches at a time, of accounts that mostly have no webhook.
#[tokio::test(flavor = "multi_thread")]
async fn a_recorder_reads_the_webhooks_of_its_accounts_and_not_all_of_them() {
    let statement = statement_with("-- Records what became of notifications");
    let arguments = ["'{}'"; RECORD_PARAMETERS].join(", ");
    let plan = plan(&statement, &arguments).await;

    let looks: Vec<&str> = plan
        .lines()
        .filter(|line| line.contains("Index Cond: (account_id ="))
        .collect();
    assert!(
        looks.iter().any(|look| look.contains("ANY")),
        "those of all accounts at once:\n{plan}"
    );
    assert!(
        looks.iter().any(|look| look.contains("account_id = batch")),
        "those of an account that has one:\n{plan}"
    );
    assert!(!plan.contains("Semi Join"), "{plan}");
}

/// The search reads one entry of each queue, in the order of the index.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_steps_from_queue_to_queue() {
    let statement = statement_with("with recursive queue as");
    let arguments = "'00000000-0000-0000-0000-000000000000', -1, 1000";
    let plan = plan(&statement, arguments).await;

    let steps = plan
        .lines()
        .filter(|line| line.contains("Index Cond: (ROW("))
        .count();
    assert_eq!(
        steps,
        2 * 4,
        "the first and the next, of four partitions:\n{plan}"
    );
    assert!(!plan.contains("Seq Scan"), "{plan}");
}

#[test]
fn every_statement_on_a_distributed_table_names_the_operation() {
    let mut used = [false; EXCEPTIONS.len()];
    let mut mentions = 0;
    for file in fs::read_dir(root(".sqlx")).unwrap() {
        let file: Value =
            serde_json::from_str(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        let statement = file["query"].as_str().unwrap();
        mentions += mentioned(&tokens(statement)).len();
        let plain = statement.split_whitespace().collect::<Vec<_>>().join(" ");
        for table in unnamed(statement) {
            let allowed = EXCEPTIONS
                .iter()
                .position(|(part, of, _)| plain.contains(part) && (*of == table || of.is_empty()));
            let allowed = allowed.unwrap_or_else(|| {
                panic!("{table} is used without the id of an Operation in:\n{statement}")
            });
            used[allowed] = true;
        }
    }

    assert!(
        mentions > 20,
        "only {mentions} uses of distributed tables were found: are the statements read at all?"
    );

    for ((part, ..), used) in EXCEPTIONS.iter().zip(used) {
        assert!(used, "no statement needs this exception any more: {part}");
    }
}

#[test]
fn a_statement_that_names_no_operation_is_noticed() {
    for bad in [
        "select count(*) from push_notifications where status = 'QUEUED'",
        "select * from operations where account_id = $1",
        "select * from operations where ($1::uuid is null or id = $1)",
        "update push_notifications set status = 'FAILED' where credential_id = $1",
        "delete from delivery_attempts using batches where batches.number = 1",
        "insert into delivery_attempts (position, number) select * from unnest($1, $2)",
        "with due as (select * from batches where operation_id = $1) select * from due join push_notifications using (position)",
        "select * from push_notifications where exists (select from batches where operation_id = $1)",
        "select * from batches where operation_id in (select id from operations where tags @> $1)",
    ] {
        assert_ne!(unnamed(bad), [""; 0], "{bad}");
    }
    for good in [
        "select * from operations where id = any($1)",
        "select * from unnest($1) as due (operation_id) join push_notifications on push_notifications.operation_id = due.operation_id",
        "update operations set canceled_at = now() where $1 = operations.id and (canceled_at is null or $2)",
        "insert into delivery_attempts (operation_id, position) values ($1, $2)",
        "select * from batches where number = 1 -- and what is from operations",
    ] {
        assert_eq!(unnamed(good), [""; 0], "{good}");
    }
}

fn root(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Words, operators, parentheses and commas, without comments and string literals.
fn tokens(statement: &str) -> Vec<String> {
    let without_comments = statement
        .lines()
        .map(|line| line.split("--").next().unwrap());
    let text = without_comments
        .collect::<Vec<_>>()
        .join("\n")
        .to_lowercase();
    let mut tokens: Vec<String> = Vec::new();
    for (index, part) in text.split('\'').enumerate() {
        if index % 2 == 1 {
            continue;
        }
        let mut last = ' ';
        for character in part.chars() {
            let is_word = is_word(character);
            let is_operator = "=<>@".contains(character);
            let goes_on = is_word && self::is_word(last) || is_operator && "=<>@".contains(last);
            last = character;
            match tokens.last_mut() {
                Some(token) if goes_on => token.push(character),
                _ if is_word || is_operator || "(),".contains(character) => {
                    tokens.push(character.to_string());
                }
                _ => {}
            }
        }
    }

    tokens
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || "_$.:".contains(character)
}

/// Where a distributed table is read or written: the index of its token, and its column.
fn mentioned(tokens: &[String]) -> Vec<(usize, &'static str)> {
    let key = |token: &str| {
        let name = token.trim_end_matches("_default");
        DISTRIBUTED
            .iter()
            .find(|(table, _)| *table == name)
            .map(|(_, key)| *key)
    };
    let verbs = ["from", "join", "update", "into", "using", ","];
    let places = (1..tokens.len()).filter(|place| verbs.contains(&tokens[place - 1].as_str()));
    places
        .filter_map(|place| Some((place, key(&tokens[place])?)))
        .collect()
}

/// The distributed tables that a statement uses without naming an Operation, once for each use.
fn unnamed(statement: &str) -> Vec<String> {
    let tokens = tokens(statement);
    let mentioned = mentioned(&tokens).into_iter();
    mentioned
        .filter(|(place, key)| !is_named(&tokens, *place, key))
        .map(|(place, _)| tokens[place].clone())
        .collect()
}

/// Whether the statement names an Operation after `place`, at the same depth of parentheses: as a
/// column that is inserted, or by an equality.
fn is_named(tokens: &[String], place: usize, key: &str) -> bool {
    let is_key = |token: &String| {
        let (table, column) = token.rsplit_once('.').unwrap_or(("", token));
        column == key && (key != "id" || ["", "operations"].contains(&table))
    };
    if tokens[place - 1] == "into" {
        return tokens[place..]
            .iter()
            .take_while(|token| *token != ")")
            .any(is_key);
    }
    let mut at = place;
    while at < tokens.len() && tokens[at] != ")" {
        let is_equality = at > 0 && tokens[at] == "=" && at + 1 < tokens.len();
        if is_equality && (is_key(&tokens[at - 1]) || is_key(&tokens[at + 1])) {
            return true;
        }
        if tokens[at] == "(" {
            let end = closing(tokens, at);
            let inner = &tokens[at + 1..end];
            let is_set = tokens.get(end + 1).is_some_and(|token| token == "in");
            if is_set && inner.iter().any(is_key) {
                return true;
            }
            at = end;
        }
        at += 1;
    }

    false
}

/// The index of the parenthesis that closes the one at `open`.
fn closing(tokens: &[String], open: usize) -> usize {
    let mut depth = 0;
    for (place, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return place;
        }
    }
    tokens.len() - 1
}
