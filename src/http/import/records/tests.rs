use proptest::prelude::*;
use serde_json::json;

use super::*;

/// The records of a file that arrives in parts of `size` bytes.
fn read(mut records: Records, file: &[u8], size: usize) -> Result<Vec<Record>, BadHeader> {
    let mut read = Vec::new();
    for part in file.chunks(size.max(1)) {
        records.push(part, &mut read)?;
    }
    records.end(&mut read)?;

    Ok(read)
}

fn ndjson(file: &[u8], size: usize) -> Vec<(i32, Content)> {
    let records = read(Records::Ndjson(Lines::default()), file, size).unwrap();

    records
        .into_iter()
        .map(|it| (it.line, it.content))
        .collect()
}

fn csv(file: &str, size: usize) -> Result<Vec<(i32, Content)>, BadHeader> {
    let records = read(Records::Csv(Box::default()), file.as_bytes(), size)?;

    Ok(records
        .into_iter()
        .map(|it| (it.line, it.content))
        .collect())
}

#[test]
fn lines_are_cut_wherever_the_parts_end() {
    let file = b"{\"a\":1}\r\n\n  \n{\"b\":2}";
    for size in 1..=file.len() {
        let records = ndjson(file, size);
        assert_eq!(
            records,
            [
                (1, Content::Json(b"{\"a\":1}\r".to_vec())),
                (4, Content::Json(b"{\"b\":2}".to_vec())),
            ],
            "{size}"
        );
    }
}

#[test]
fn a_record_that_is_too_long_is_passed_over() {
    let long = "x".repeat(MAX_RECORD + 1);
    let file = format!("{long}\nshort\n");
    // The line comes in many parts, in two, and in one.
    for size in [1_000, MAX_RECORD, 2 * MAX_RECORD] {
        assert_eq!(
            ndjson(file.as_bytes(), size),
            [(1, Content::TooLong), (2, Content::Json(b"short".to_vec()))]
        );
    }

    let file = format!("token,provider\n{long},FCM\nshort,FCM\n");
    let rows = csv(&file, 1_000).unwrap();
    assert_eq!(rows[0], (2, Content::TooLong));
    assert_eq!(
        rows[1],
        (
            3,
            Content::Fields(
                json!({"token": "short", "provider": "FCM"})
                    .as_object()
                    .unwrap()
                    .clone()
            )
        )
    );
}

#[test]
fn rows_have_the_fields_of_their_columns() {
    let file = "\u{feff}token,provider,externalId,tags,variables,optedOut,optedOutTags\r\n\
        a,FCM,\"Zoë, \"\"7\"\"\",kind:phone;x:1,\"{\"\"a\"\": 1}\",TRUE,news;kind:offer\r\n\
        '-b,APN,,,,,\r\n";
    // A part of one byte divides the byte order mark, line breaks, quotes and characters of UTF-8.
    for size in [1, 2, 7, 1_000] {
        let rows = csv(file, size).unwrap();
        let expected = [
            (
                2,
                json!({"token": "a", "provider": "FCM", "externalId": "Zoë, \"7\"",
                "tags": {"kind": "phone", "x": "1"}, "variables": {"a": 1}, "optedOut": true,
                "optedOutTags": ["news", "kind:offer"]}),
            ),
            (3, json!({"token": "-b", "provider": "APN"})),
        ];
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(line, it)| (line, Content::Fields(it.as_object().unwrap().clone())))
            .collect();
        assert_eq!(rows, expected, "{size}");
    }
}

#[test]
fn a_cell_that_names_a_field_twice_stays_a_string() {
    for column in ["tags", "variables"] {
        let file = format!(
            "token,provider,{column}\na,FCM,\"{{\"\"x\"\": \"\"1\"\", \"\"x\"\": \"\"2\"\"}}\"\n"
        );
        let rows = csv(&file, 1_000).unwrap();

        let Content::Fields(fields) = &rows[0].1 else {
            panic!("{rows:?}");
        };
        assert_eq!(fields[column], r#"{"x": "1", "x": "2"}"#);
    }
}

#[test]
fn a_file_may_begin_with_a_byte_order_mark() {
    let file = "\u{feff}{\"a\":1}\n\u{feff}\n".as_bytes();
    for size in [1, 2, 100] {
        assert_eq!(
            ndjson(file, size),
            [
                (1, Content::Json(b"{\"a\":1}".to_vec())),
                (2, Content::Json("\u{feff}".into())),
            ]
        );
    }
}

#[test]
fn what_is_not_utf8_is_never_taken_for_text() {
    let of = |file: &[u8]| read(Records::Csv(Box::default()), file, 7);

    let rows = of(b"token,provider\na\xff,FCM\nb,FCM\n").unwrap();
    assert_eq!(rows[0].content, Content::NotUtf8);
    assert!(matches!(rows[1].content, Content::Fields(_)));

    let utf_16: Vec<u8> = "\u{feff}token,provider\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let BadHeader(message) = of(&utf_16).unwrap_err();
    assert!(message.contains("must be UTF-8"), "{message}");
}

#[test]
fn a_quote_that_is_left_open_is_named() {
    for size in [1, 5, 100] {
        let rows = csv("token,provider\n\"a,FCM\nb,FCM\n", size).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].1, Content::OpenQuote);

        // A quote within a cell is a character of it, and a quoted cell may have several lines.
        for file in [
            "token,provider\na\"b,FCM",
            "token,provider\n\"a\nb\",FCM",
            "token,provider\n\"a\nb\",FCM\n",
        ] {
            let rows = csv(file, size).unwrap();
            assert!(matches!(rows[0].1, Content::Fields(_)), "{rows:?}");
        }
    }
}

#[test]
fn a_header_that_is_wrong_is_named() {
    for (file, expected) in [
        (
            "token;provider\na;FCM\n",
            "the cells must be separated by commas",
        ),
        (
            "token,provider,token\na,FCM,b\n",
            "the column 'token' is there twice",
        ),
        (
            "token,provider,colour\na,FCM,red\n",
            "the column 'colour' does not exist",
        ),
        ("", "the file is empty"),
        ("\r\n\n", "the file is empty"),
        ("token\na\n", "the column provider is required"),
        ("provider\nFCM\n", "the column token is required"),
    ] {
        let BadHeader(message) = csv(file, 5).unwrap_err();
        assert!(message.contains(expected), "{message}");
    }

    let rows = csv("token,provider\na,FCM,more\n", 5).unwrap();
    assert_eq!(rows, [(2, Content::TooManyCells)]);
}

proptest! {
    #[test]
    fn any_bytes_are_cut_the_same_in_parts_of_any_size(
        file in prop::collection::vec(prop_oneof![Just(b'\n'), Just(b'"'), Just(b','), any::<u8>()], 0..200),
        size in 1..50_usize,
    ) {
        prop_assert_eq!(ndjson(&file, size), ndjson(&file, 1_000));

        let file = [b"token,provider\n".as_slice(), &file].concat();
        let of = |size| read(Records::Csv(Box::default()), &file, size);
        prop_assert_eq!(of(size).map(|it| it.len()), of(1_000).map(|it| it.len()));
    }
}

#[test]
fn a_byte_order_mark_before_a_quoted_name_is_dropped_wherever_the_parts_end() {
    let file = "\u{feff}\"token\",\"provider\"\r\na,FCM\r\n";
    let whole = csv(file, file.len()).unwrap();
    assert_eq!(whole.len(), 1);

    for first in 0..=file.len() {
        for second in first..=file.len() {
            let mut rows = Records::Csv(Box::default());
            let mut records = Vec::new();
            let bytes = file.as_bytes();
            for part in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                rows.push(part, &mut records).unwrap();
            }
            rows.end(&mut records).unwrap();

            let records: Vec<(i32, Content)> = records
                .into_iter()
                .map(|it| (it.line, it.content))
                .collect();
            assert_eq!(records, whole, "{first}, {second}");
        }
    }
}
