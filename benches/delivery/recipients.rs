//! What is known of Users: how soon an audience is estimated, and what languages and variables cost a
//! send.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Arguments;
use crate::reads;
use crate::report::{Goal, Report, percentile};
use crate::world::World;

/// Estimates of each audience.
const ESTIMATES: usize = 10;
/// Users who get a message in their language.
const READERS: usize = 100_000;
const LANGUAGES: [&str; 10] = [
    "de", "en", "es", "et", "fi", "fr", "it", "ja", "pl", "pt-BR",
];
/// Rounds, of which the median counts: these machines are shared.
const ROUNDS: usize = 3;
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The rows *recipients*: `--large` Users.
pub async fn run(
    world: &mut World,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    reads::register(world, arguments.large).await?;
    describe(world, arguments.large).await?;
    world.restart().await?;

    for (name, audience) in audiences() {
        let body = json!({"audience": audience});
        let mut times = Vec::new();
        for _ in 0..ESTIMATES {
            let started = Instant::now();
            world.api.post("/Audiences/Estimate", &body).await?;
            times.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        report.goal(
            format!("estimate among {} Users: {name}, slowest", arguments.large),
            percentile(&mut times, 1.0),
            "ms",
            Goal::AtMost(200.0),
        );
    }

    localized(world, arguments, report).await
}

/// Gives every User a language, a time zone and variables, and every device tags. The first
/// [`READERS`] have a tag of their own.
async fn describe(world: &World, count: usize) -> anyhow::Result<()> {
    let account = world.account_id.as_uuid();
    let users = "with numbered as (
             select id, row_number() over (order by id) as number from users where account_id = $1
         )
         update users
         set language = ($2::text[])[number % array_length($2::text[], 1) + 1],
             timezone = case number % 3 when 0 then 'Europe/Tallinn' when 1 then 'America/New_York' end,
             variables = jsonb_build_object('name', 'Person ' || number)
         from numbered where users.id = numbered.id";
    sqlx::query(users)
        .bind(account)
        .bind(LANGUAGES)
        .execute(&world.pool)
        .await?;

    let devices = "with numbered as (
             select id, row_number() over (order by id) as number from devices where account_id = $1
         )
         update devices
         set tags = jsonb_build_object(
                 'plan', case when number % 3 = 0 then 'paid' else 'free' end,
                 'reader', case when number <= $2 then 'yes' else 'no' end
             )
         from numbered where devices.id = numbered.id";
    sqlx::query(devices)
        .bind(account)
        .bind(READERS.min(count) as i64)
        .execute(&world.pool)
        .await?;

    sqlx::raw_sql("vacuum analyze users, devices")
        .execute(&world.pool)
        .await?;
    Ok(())
}

fn audiences() -> [(&'static str, Value); 5] {
    [
        ("everyone", json!({})),
        ("by a tag", json!({"tags": {"plan": "paid"}})),
        (
            "by a tag, a language and a time zone",
            json!({"all": [
                {"tags": {"plan": "free"}}, {"language": "pt"}, {"timezone": "Europe/Tallinn"},
            ]}),
        ),
        (
            "any of two languages, none of a time zone",
            json!({
                "any": [{"language": "de"}, {"language": "ja"}],
                "none": [{"timezone": "America/New_York"}],
            }),
        ),
        (
            "a tag that nobody has",
            json!({"tags": {"plan": "enterprise"}}),
        ),
    ]
}

/// A send in ten languages with variables, beside one that is the same for all.
async fn localized(
    world: &World,
    arguments: &Arguments,
    report: &mut Report,
) -> anyhow::Result<()> {
    let readers = READERS.min(arguments.large);
    let plain = json!({"title": "Your order is on its way", "body": "Track it in the app."});
    let mut many = json!({
        "title": "{{ name }}, your order is on its way", "body": "Track it in the app, {{ name }}.",
    });
    let localizations = LANGUAGES.iter().map(|language| {
        let texts = json!({
            "title": format!("[{language}] {{{{ name }}}}, your order is on its way"),
            "body": format!("[{language}] Track it in the app, {{{{ name }}}}."),
        });
        ((*language).to_owned(), texts)
    });
    many["localizations"] = Value::Object(localizations.collect());

    let mut rates: [Vec<f64>; 2] = Default::default();
    // In turns, so that whatever else the machine does meets both.
    for _ in 0..ROUNDS {
        for (rates, content) in rates.iter_mut().zip([&plain, &many]) {
            let message =
                json!({"to": [{"audience": {"tags": {"reader": "yes"}}}], "content": content});
            let started = Instant::now();
            let operation = world.api.send(&message).await?;
            world.api.completed(&[operation], LOOK_EVERY).await?;
            rates.push(readers as f64 / started.elapsed().as_secs_f64());
            world.forget().await?;
        }
    }

    let [plain, many] = rates.each_mut().map(|rates| percentile(rates, 0.5));
    let name = format!("audience of {readers}");
    report.add(format!("{name}, one text"), plain, "sent/s");
    report.add(
        format!("{name}, 10 languages and variables"),
        many,
        "sent/s",
    );
    report.goal(
        format!("{name}, 10 languages and variables ÷ one text"),
        many / plain,
        "×",
        Goal::AtLeast(0.7),
    );
    Ok(())
}
