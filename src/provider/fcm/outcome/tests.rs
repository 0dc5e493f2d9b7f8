use serde_json::json;

use super::*;

fn answer_to(status: u16, canonical: &str, code: Option<&str>) -> Answer {
    let details: Vec<_> = code
        .iter()
        .map(|code| json!({"@type": "x", "errorCode": code}))
        .collect();
    let body = json!({"error": {"code": status, "message": "Why.", "status": canonical, "details": details}});
    answer(
        StatusCode::from_u16(status).unwrap(),
        &HeaderMap::new(),
        body.to_string().as_bytes(),
    )
}

#[test]
fn every_row_of_the_table() {
    let throttled = Outcome::Throttled {
        retry_after: None,
        device_only: false,
    };
    let unavailable = Outcome::Unavailable { retry_after: None };
    let rows = [
        (
            400,
            "INVALID_ARGUMENT",
            Some("INVALID_ARGUMENT"),
            Outcome::MessageRefused,
        ),
        (400, "INVALID_ARGUMENT", None, Outcome::MessageRefused),
        (401, "UNAUTHENTICATED", None, Outcome::CredentialRefused),
        (
            401,
            "UNAUTHENTICATED",
            Some("THIRD_PARTY_AUTH_ERROR"),
            Outcome::TokenRefused,
        ),
        (
            401,
            "UNAUTHENTICATED",
            Some("APNS_AUTH_ERROR"),
            Outcome::TokenRefused,
        ),
        (
            403,
            "PERMISSION_DENIED",
            Some("SENDER_ID_MISMATCH"),
            Outcome::TokenRefused,
        ),
        (403, "PERMISSION_DENIED", None, Outcome::CredentialRefused),
        (
            404,
            "NOT_FOUND",
            Some("UNREGISTERED"),
            Outcome::TokenDead { since: None },
        ),
        (404, "NOT_FOUND", None, Outcome::CredentialRefused),
        (403, "", None, Outcome::CredentialRefused),
        (404, "", None, Outcome::CredentialRefused),
        (404, "NOT_FOUND", Some("NEW_CODE"), Outcome::MessageRefused),
        (302, "", None, unavailable),
        (429, "RESOURCE_EXHAUSTED", Some("QUOTA_EXCEEDED"), throttled),
        (429, "RESOURCE_EXHAUSTED", None, throttled),
        (500, "INTERNAL", Some("INTERNAL"), unavailable),
        (502, "", None, unavailable),
        (503, "UNAVAILABLE", Some("UNAVAILABLE"), unavailable),
        (504, "", None, unavailable),
        (
            400,
            "FAILED_PRECONDITION",
            Some("UNSPECIFIED_ERROR"),
            Outcome::MessageRefused,
        ),
        (500, "UNKNOWN", Some("UNSPECIFIED_ERROR"), unavailable),
        (418, "NEW", Some("NEW_CODE"), Outcome::MessageRefused),
    ];

    for (status, canonical, code, expected) in rows {
        let answer = answer_to(status, canonical, code);
        assert_eq!(answer.outcome, expected, "{status} {canonical} {code:?}");
        assert_eq!(answer.http_status, Some(status));
    }
}

#[test]
fn a_malformed_token_and_a_malformed_message_differ() {
    let by_field = json!({"error": {"status": "INVALID_ARGUMENT", "message": "Bad.", "details": [
        {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": "message.token"}]},
    ]}});
    let by_text = json!({"error": {"status": "INVALID_ARGUMENT",
        "message": "The registration token is not a valid FCM registration token"}});
    for body in [by_field, by_text] {
        let answer = answer(
            StatusCode::BAD_REQUEST,
            &HeaderMap::new(),
            body.to_string().as_bytes(),
        );
        assert_eq!(answer.outcome, Outcome::TokenDead { since: None });
        assert_eq!(answer.code.as_deref(), Some("INVALID_ARGUMENT"));
    }
}

#[test]
fn what_apns_said_decides_for_an_ios_app() {
    let of = |apns: serde_json::Value| {
        let mut apns = apns;
        apns["@type"] = json!("type.googleapis.com/google.firebase.fcm.v1.ApnsError");
        let body = json!({"error": {"code": 400, "status": "INVALID_ARGUMENT",
            "message": "Request contains an invalid argument.", "details": [
            {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "INVALID_ARGUMENT"},
            apns,
        ]}});
        answer(
            StatusCode::BAD_REQUEST,
            &HeaderMap::new(),
            body.to_string().as_bytes(),
        )
    };
    let dead = Outcome::TokenDead { since: None };
    let throttled = Outcome::Throttled {
        retry_after: None,
        device_only: true,
    };

    for (apns, expected) in [
        (json!({"statusCode": 410, "reason": "Unregistered"}), dead),
        (json!({"statusCode": 410, "reason": "ExpiredToken"}), dead),
        (json!({"statusCode": 410}), dead),
        (json!({"reason": "Unregistered"}), dead),
        (
            json!({"statusCode": 400, "reason": "BadDeviceToken"}),
            Outcome::TokenRefused,
        ),
        (
            json!({"statusCode": 400, "reason": "DeviceTokenNotForTopic"}),
            Outcome::TokenRefused,
        ),
        (
            json!({"statusCode": 403, "reason": "InvalidProviderToken"}),
            Outcome::TokenRefused,
        ),
        (
            json!({"statusCode": 400, "reason": "BadCollapseId"}),
            Outcome::MessageRefused,
        ),
        (
            json!({"statusCode": 413, "reason": "PayloadTooLarge"}),
            Outcome::MessageRefused,
        ),
        (
            json!({"statusCode": 429, "reason": "TooManyRequests"}),
            throttled,
        ),
        (
            json!({"statusCode": 503, "reason": "Shutdown"}),
            Outcome::Unavailable { retry_after: None },
        ),
        (
            json!({"statusCode": "x", "reason": 7}),
            Outcome::MessageRefused,
        ),
    ] {
        assert_eq!(of(apns.clone()).outcome, expected, "{apns}");
    }

    let answer = of(json!({"statusCode": 410, "reason": "Unregistered"}));
    assert_eq!(answer.code.as_deref(), Some("INVALID_ARGUMENT"));
    assert_eq!(
        answer.message.as_deref(),
        Some("Request contains an invalid argument.; APNs: Unregistered (410)")
    );
}

#[test]
fn the_fields_that_fcm_finds_wrong_reach_the_user() {
    let body = |violations: serde_json::Value| {
        json!({"error": {"code": 400, "status": "INVALID_ARGUMENT",
            "message": "Request contains an invalid argument.", "details": [
            {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations},
        ]}})
        .to_string()
    };
    let of = |violations| {
        let body = body(violations);
        answer(StatusCode::BAD_REQUEST, &HeaderMap::new(), body.as_bytes())
    };

    let answer =
        of(json!([{"field": "message.android.ttl", "description": "Invalid value (TTL), 60"}]));
    assert_eq!(answer.outcome, Outcome::MessageRefused);
    assert_eq!(
        answer.message.as_deref(),
        Some("Request contains an invalid argument.; message.android.ttl: Invalid value (TTL), 60")
    );

    for violation in [
        json!({"field": "message.token", "description": "Invalid registration token"}),
        json!({"description": "Invalid registration token"}),
        json!({"field": "message.token"}),
        json!({"description": "APNs device token is disabled."}),
    ] {
        let answer = of(json!([violation]));
        assert_eq!(
            answer.outcome,
            Outcome::TokenDead { since: None },
            "{violation}"
        );
    }
}

#[test]
fn the_quota_of_one_device_differs_from_the_projects() {
    let of = |subject: &str| {
        let body = json!({"error": {"status": "RESOURCE_EXHAUSTED", "details": [
            {"@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError", "errorCode": "QUOTA_EXCEEDED"},
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"subject": subject}]},
        ]}});
        answer(
            StatusCode::TOO_MANY_REQUESTS,
            &HeaderMap::new(),
            body.to_string().as_bytes(),
        )
        .outcome
    };

    assert_eq!(
        of("Device message rate"),
        Outcome::Throttled {
            retry_after: None,
            device_only: true
        }
    );
    assert_eq!(
        of("project:p"),
        Outcome::Throttled {
            retry_after: None,
            device_only: false
        }
    );
}

#[test]
fn any_body_is_understood() {
    for (body, expected) in [
        (
            r#"{"error":{"status":"NOT_FOUND","details":null,"message":7}}"#,
            Outcome::CredentialRefused,
        ),
        (
            r#"{"error":{"status":7,"details":[7,{"errorCode":"UNREGISTERED"}]}}"#,
            Outcome::TokenDead { since: None },
        ),
        (r#"{"error":"x"}"#, Outcome::CredentialRefused),
        ("[]", Outcome::CredentialRefused),
        ("<html>Not Found</html>", Outcome::CredentialRefused),
        ("", Outcome::CredentialRefused),
    ] {
        assert_eq!(
            answer(StatusCode::NOT_FOUND, &HeaderMap::new(), body.as_bytes()).outcome,
            expected,
            "{body}"
        );
    }

    assert_eq!(
        answer(StatusCode::OK, &HeaderMap::new(), b"<html>").outcome,
        Outcome::Accepted
    );
}

#[test]
fn retry_after_is_taken_from_the_header() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "17".parse().unwrap());
    let retry_after = Some(Duration::from_secs(17));
    let answer = |status| answer(status, &headers, b"<html>Bad Gateway</html>").outcome;

    assert_eq!(
        answer(StatusCode::SERVICE_UNAVAILABLE),
        Outcome::Unavailable { retry_after }
    );
    assert_eq!(
        answer(StatusCode::TOO_MANY_REQUESTS),
        Outcome::Throttled {
            retry_after,
            device_only: false
        }
    );
}

#[test]
fn an_accepted_message_has_its_name() {
    let answer = answer(
        StatusCode::OK,
        &HeaderMap::new(),
        br#"{"name":"projects/p/messages/1"}"#,
    );

    assert_eq!(
        (answer.outcome, answer.message_id.as_deref()),
        (Outcome::Accepted, Some("projects/p/messages/1"))
    );
}
