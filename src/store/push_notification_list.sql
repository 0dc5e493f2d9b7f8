-- A page of an account's notifications: those of the newest Operation first, and in request order within an Operation.
select
    notification.operation_id,
    notification.position,
    notification.user_id,
    notification.provider as "provider: Provider",
    notification.credential_id,
    notification.token,
    operations.app_name,
    notification.status as "status: Status",
    coalesce(operations.send_at > now(), false) as "is_scheduled!",
    operations.created_at,
    coalesce(notification.updated_at, operations.created_at) as "updated_at!"
from operations
-- From each Operation no more than the page can hold: a join would read all notifications before it sorts.
cross join lateral (
    select
        push_notifications.operation_id,
        push_notifications.position,
        push_notifications.user_id,
        push_notifications.provider,
        push_notifications.credential_id,
        push_notifications.token,
        push_notifications.status,
        push_notifications.updated_at
    from push_notifications
    where push_notifications.operation_id = operations.id
        -- The Operation in which the page before ended goes on behind that page's last position ($6).
        and push_notifications.position > case when operations.id = $5 then $6 else -1 end
        and (
            $8::provider is null
            or push_notifications.provider = $8
            or push_notifications.user_id is not null and exists (
                select
                from delivery_attempts
                where delivery_attempts.operation_id = operations.id
                    and delivery_attempts.position = push_notifications.position
                    and delivery_attempts.provider = $8
            )
        )
        -- The names of the API: see `PushNotification::shown_status`.
        and (
            $9::text is null
            or $9 = case
                when push_notifications.status = 'QUEUED' and operations.send_at > now() then 'SCHEDULED'
                when push_notifications.status = 'UNADDRESSABLE' then 'FAILED'
                else push_notifications.status::text
            end
        )
        and ($11::uuid is null or push_notifications.user_id = $11)
    order by push_notifications.position
    limit $10
) as notification
where operations.account_id = $1
    and operations.id >= $2
    and ($3::uuid is null or operations.id < $3)
    and ($4::uuid is null or operations.id = $4)
    and ($5::uuid is null or operations.id <= $5)
    and ($7::jsonb is null or operations.tags @> $7)
order by operations.id desc, notification.position
limit $10
