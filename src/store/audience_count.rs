//! How many Users and devices an audience has: exactly, or estimated from a sample.
//!
//! The Users of an App are read in the order of the last bytes of their ids, which are random
//! (`device_registrations_sample`). So the first ones are a sample of all, and the bytes of the last one
//! say which share of all they are. An App with fewer Users is counted exactly, by the same statement.

#![expect(
    clippy::cast_precision_loss,
    reason = "an estimate needs no more than 52 bits"
)]

use sqlx::PgExecutor;

use crate::model::audience::Audience;
use crate::model::id::AccountId;

/// Users of an App that are examined. If the App has more, the count is estimated from these.
const SAMPLE: i64 = 5_000;
/// 95% of the estimates lie within this many standard deviations.
const DEVIATIONS: f64 = 1.96;
/// How many values the bytes have by which Users are ordered.
const PLACES: f64 = 4_294_967_296.0;

/// What an audience has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct AudienceCount {
    pub users: u64,
    pub fcm_devices: u64,
    pub apn_devices: u64,
    /// The relative error of the figures, with a probability of 95%; `None`: they are exact.
    pub error: Option<f64>,
}

impl AudienceCount {
    /// The fewest Users that the audience has, as far as is known.
    pub(crate) fn least_users(&self) -> u64 {
        let error = self.error.unwrap_or_default().min(1.0);

        (self.users as f64 * (1.0 - error)).floor() as u64
    }
}

/// What a sample has.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    /// Users that were examined.
    looked_at: i64,
    /// The place of the last one, from 0 up to [`PLACES`].
    last_place: u32,
    /// Those of them who belong to the audience.
    users: i64,
    fcm_devices: i64,
    apn_devices: i64,
    /// The sum of the squares of how many devices each of them has.
    squares: i64,
}

impl Sample {
    fn count(&self) -> AudienceCount {
        let is_exact = self.looked_at < SAMPLE;
        let factor = if is_exact {
            1.0
        } else {
            PLACES / (f64::from(self.last_place) + 1.0)
        };
        // The places are random and spread evenly. So the sample has the share of all Users that
        // lies before its last place.
        let scaled = |count: i64| (count as f64 * factor).round() as u64;

        AudienceCount {
            users: scaled(self.users),
            fcm_devices: scaled(self.fcm_devices),
            apn_devices: scaled(self.apn_devices),
            error: (!is_exact).then(|| self.error()),
        }
    }

    /// Each User with its devices is in the sample or not, independently of the others. For the number
    /// of devices that makes a larger error than for the number of Users, so it holds for both.
    fn error(&self) -> f64 {
        let devices = (self.fcm_devices + self.apn_devices) as f64;
        // No device in the sample: nothing is known of the rest, so the figure may be wrong
        // altogether.
        if devices == 0.0 {
            return 1.0;
        }

        let error = DEVIATIONS * (self.squares as f64).sqrt() / devices;
        // Three digits after the point, rounded up.
        ((error * 1_000.0).ceil() / 1_000.0).min(1.0)
    }
}

/// Counts an audience among the Users of an App.
pub(crate) async fn count(
    executor: impl PgExecutor<'_>,
    account_id: AccountId,
    app_name: &str,
    audience: &Audience,
) -> sqlx::Result<AudienceCount> {
    // The sample is taken before the audience is applied: an audience of few Users among millions
    // costs no more than one of all.
    let row = sqlx::query!(
        r#"
        with audience as materialized (
            select $3::jsonb as tags, $4::text::jsonpath as predicate
        ),
        looked_at as materialized (
            select id, user_id, substring(uuid_send(user_id) from 13) as place
            from device_registrations
            where account_id = $1 and app_name = $2
            order by substring(uuid_send(user_id) from 13)
            limit $5
        ),
        profile as materialized (
            select
                looked_at.id,
                case
                    when audience.predicate is not null
                        then (select users.language from users where users.id = looked_at.user_id)
                end as language,
                case
                    when audience.predicate is not null
                        then (select users.timezone from users where users.id = looked_at.user_id)
                end as timezone
            from looked_at
            cross join audience
        ),
        admitted as materialized (
            select found.fcm, found.apn
            from profile
            cross join audience
            cross join lateral (
                select
                    count(*) filter (where devices.provider = 'FCM') as fcm,
                    count(*) filter (where devices.provider = 'APN') as apn
                from devices
                where devices.registration_id = profile.id
                    and (audience.tags is null or devices.tags @> audience.tags)
                    and audience_admits(
                        audience.predicate, devices.provider, devices.tags, devices.registered_at, devices.last_seen_at,
                        profile.language, profile.timezone
                    )
            ) as found
            where found.fcm + found.apn > 0
        )
        select
            (select count(*) from looked_at) as "looked_at!",
            (select looked_at.place from looked_at order by looked_at.place desc limit 1) as last_place,
            count(*) as "users!",
            coalesce(sum(admitted.fcm), 0)::bigint as "fcm_devices!",
            coalesce(sum(admitted.apn), 0)::bigint as "apn_devices!",
            coalesce(sum((admitted.fcm + admitted.apn) * (admitted.fcm + admitted.apn)), 0)::bigint as "squares!"
        from admitted
        "#,
        account_id.as_uuid(),
        app_name,
        audience.tags.as_ref(),
        audience.conditions.predicate(),
        SAMPLE,
    )
    .fetch_one(executor)
    .await?;

    let last_place = row.last_place.and_then(|bytes| bytes.try_into().ok());
    let sample = Sample {
        looked_at: row.looked_at,
        last_place: last_place.map_or(u32::MAX, u32::from_be_bytes),
        users: row.users,
        fcm_devices: row.fcm_devices,
        apn_devices: row.apn_devices,
        squares: row.squares,
    };
    Ok(sample.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_users_are_counted_and_many_are_estimated() {
        let few = Sample {
            looked_at: SAMPLE - 1,
            last_place: u32::MAX / 2,
            users: 100,
            fcm_devices: 90,
            apn_devices: 20,
            squares: 150,
        };
        assert_eq!(
            few.count(),
            AudienceCount {
                users: 100,
                fcm_devices: 90,
                apn_devices: 20,
                error: None,
            }
        );

        // The sample is an eighth of all.
        let many = Sample {
            looked_at: SAMPLE,
            last_place: (1 << 29) - 1,
            users: 2_500,
            fcm_devices: 2_500,
            apn_devices: 0,
            squares: 2_500,
        };
        let count = many.count();
        assert_eq!((count.users, count.fcm_devices), (20_000, 20_000));
        // 1.96 of the square root of 2,500, by 2,500, rounded up.
        assert_eq!(count.error, Some(0.04));
        assert_eq!(count.least_users(), 19_200);

        let nobody = Sample {
            users: 0,
            fcm_devices: 0,
            squares: 0,
            ..many
        };
        assert_eq!((nobody.count().users, nobody.count().error), (0, Some(1.0)));
    }
}
