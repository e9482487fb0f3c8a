//! The codecs, each against bytes as AWS writes them.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const FRAME: Frame<'static> = Frame {
    operation: "GetThing",
    namespace: "https://example.amazonaws.com/doc/",
    request_id: "r-1",
    query_compatible: false,
    error_shapes: &[],
    message_member: "message",
};

fn output() -> Value {
    json!({
        "Name": "a <b> & \"c\"\n",
        "At": timestamp("2026-11-22T01:02:03.5Z".parse().unwrap()),
        "Bytes": blob(b"hi"),
        "Map": map(BTreeMap::from([("k".to_owned(), "v")])),
        "List": ["x", {"Inner": true}],
        "Ratio": 1.0,
        "Nothing": null,
    })
}

fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}

#[test]
fn json_leaves_markers_and_nulls_out() {
    let answer = Protocol::Json11.encode(&output(), FRAME);
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        body,
        json!({"Name": "a <b> & \"c\"\n", "At": 1795309323.5, "Bytes": "aGk=", "Map": {"k": "v"},
               "List": ["x", {"Inner": true}], "Ratio": 1.0})
    );
    assert!(answer.headers.contains(&("x-amzn-requestid", "r-1".to_owned())));
}

#[test]
fn query_writes_members_entries_and_escapes() {
    let answer = Protocol::Query.encode(&output(), FRAME);
    insta::assert_snapshot!(text(&answer), @r#"<GetThingResponse xmlns="https://example.amazonaws.com/doc/"><GetThingResult><At>2026-11-22T01:02:03.5Z</At><Bytes>aGk=</Bytes><List><member>x</member><member><Inner>true</Inner></member></List><Map><entry><key>k</key><value>v</value></entry></Map><Name>a &lt;b&gt; &amp; &quot;c&quot;&#xA;</Name><Ratio>1.0</Ratio></GetThingResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetThingResponse>"#);
    let nothing = text(&Protocol::Query.encode(&Value::Null, FRAME));
    assert!(!nothing.contains("GetThingResult"), "{nothing}");
}

#[test]
fn query_reads_lists_maps_and_structures() {
    let body = b"Action=Put&Tags.member.2.Key=b&Tags.member.10.Key=c&Tags.member.1.Key=a%20%26+b\
        &Attributes.entry.1.key=Policy&Attributes.entry.1.value=%7B%7D&Empty=&Outer.Inner=1";
    assert_eq!(
        Protocol::Query.decode(body).unwrap(),
        json!({"Action": "Put", "Tags": [{"Key": "a & b"}, {"Key": "b"}, {"Key": "c"}],
               "Attributes": {"Policy": "{}"}, "Empty": "", "Outer": {"Inner": "1"}})
    );
    assert_eq!(Protocol::Query.decode(b"A=%FF").unwrap_err().code, "MalformedQueryString");
    let deep = vec!["a"; 40].join(".");
    assert_eq!(Protocol::Query.decode(deep.as_bytes()).unwrap_err().code, "MalformedQueryString");
}

#[test]
fn cbor_round_trips_and_tags_times() {
    let answer = Protocol::Cbor.encode(&output(), FRAME);
    assert!(answer.headers.contains(&("smithy-protocol", "rpc-v2-cbor".to_owned())));
    let back = Protocol::Cbor.decode(&answer.body).unwrap();
    assert_eq!(back.get("At").unwrap(), &json!({"$timestamp": 1795309323.5}));
    assert_eq!(back.get("Bytes").unwrap(), &json!({"$blob": "aGk="}));
    assert_eq!(back.get("Map").unwrap(), &json!({"k": "v"}));
    assert!(back.get("Ratio").unwrap().is_f64());
    assert!(back.get("Nothing").is_none());
    for bad in [&b"\xff\xff"[..], b"\x01", b"\xa1\x01\x02"] {
        assert_eq!(Protocol::Cbor.decode(bad).unwrap_err().code, "SerializationException");
    }
    assert_eq!(Protocol::Cbor.decode(b"").unwrap(), json!({}));
}

#[test]
fn errors_look_like_awss() {
    let error = ApiError::new("NoSuchEntity", "gone & <lost>").with_status(404).with("Reason", "WHY");
    let xml = text(&Protocol::Query.encode_error(&error, FRAME));
    assert!(xml.contains("<Error><Code>NoSuchEntity</Code><Message>gone &amp; &lt;lost&gt;</Message>"), "{xml}");
    assert!(xml.contains("<Type>Sender</Type>") && xml.contains("<RequestId>r-1</RequestId>"), "{xml}");
    let frame = Frame { query_compatible: true, ..FRAME };
    for protocol in [Protocol::Json10, Protocol::Json11, Protocol::RestJson] {
        let answer = protocol.encode_error(&error, frame);
        let body: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body, json!({"__type": "NoSuchEntity", "message": "gone & <lost>", "Reason": "WHY"}));
        assert!(answer.headers.contains(&("x-amzn-errortype", "NoSuchEntity".to_owned())));
        assert!(answer.headers.contains(&("x-amzn-query-error", "NoSuchEntity;Sender".to_owned())));
        assert_eq!(answer.status, 404);
    }
    let body = Protocol::Cbor.encode_error(&error, FRAME).body;
    assert_eq!(Protocol::Cbor.decode(&body).unwrap().get("__type").unwrap(), "NoSuchEntity");
}

#[test]
fn an_error_whose_shape_has_another_name_says_both() {
    let error = ApiError::new("InvalidParameterValue", "no");
    let shapes = &[("InvalidParameterValue", "InvalidParameterValueException")];
    let frame = Frame { query_compatible: true, error_shapes: shapes, ..FRAME };
    for protocol in [Protocol::Json10, Protocol::Cbor] {
        let answer = protocol.encode_error(&error, frame);
        let body = protocol.decode(&answer.body).unwrap();
        assert_eq!(body.get("__type").unwrap(), "InvalidParameterValueException");
        assert!(answer.headers.contains(&("x-amzn-query-error", "InvalidParameterValue;Sender".to_owned())));
    }
    assert!(text(&Protocol::Query.encode_error(&error, frame)).contains("<Code>InvalidParameterValue</Code>"));
}

#[test]
fn an_operation_without_output_has_no_body_in_cbor_and_no_result_in_xml() {
    let answer = Protocol::Cbor.encode(&Value::Null, FRAME);
    assert_eq!(answer.body, b"");
    assert!(!answer.headers.iter().any(|(name, _)| *name == "content-type"));
    let empty = Protocol::Cbor.encode(&json!({}), FRAME);
    assert_eq!(Protocol::Cbor.decode(&empty.body).unwrap(), json!({}));
    assert!(text(&Protocol::Query.encode(&json!({}), FRAME)).contains("<GetThingResult></GetThingResult>"));
}

#[test]
fn json_refuses_what_is_no_structure() {
    for bad in [&b"["[..], b"[]", b"\"x\"", b"{\"a\":"] {
        assert_eq!(Protocol::Json11.decode(bad).unwrap_err().code, "SerializationException");
    }
    assert_eq!(Protocol::Json10.decode(b"").unwrap(), json!({}));
}

#[test]
fn rest_xml_names_its_root_repeats_lists_and_writes_attributes() {
    let grants = json!([
        {"Grantee": {"@xsi:type": "Gr\"oup", "URI": "a&b"}, "At": timestamp("2026-11-22T01:02:03Z".parse().unwrap())},
        {"Grantee": null, "Last": true},
    ]);
    let output = json!({"Policy": {"List": {"Grant": grants}, "Empty": {"Item": []}, "Nothing": null}});
    let answer = Protocol::RestXml.encode(&output, FRAME);
    let xsi = "http://www.w3.org/2001/XMLSchema-instance";
    let wanted = format!(
        "<Policy xmlns=\"https://example.amazonaws.com/doc/\"><Empty></Empty><List><Grant><At>2026-11-22T01:02:03Z</At>\
         <Grantee xmlns:xsi=\"{xsi}\" xsi:type=\"Gr&quot;oup\"><URI>a&amp;b</URI></Grantee></Grant><Grant><Last>true</Last>\
         </Grant></List></Policy>"
    );
    let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    assert_eq!(text(&answer), format!("{declaration}{wanted}"));
    assert!(answer.headers.contains(&("x-amz-request-id", "r-1".to_owned())));
    assert!(answer.headers.contains(&("content-type", "application/xml".to_owned())));
    let error = ApiError::new("NoSuchBucket", "gone & <lost>").with_status(404).with("BucketName", "b");
    let answer = Protocol::RestXml.encode_error(&error, FRAME);
    assert_eq!(answer.status, 404);
    let wanted = "<Error><BucketName>b</BucketName><Code>NoSuchBucket</Code><HostId>r-1</HostId><Message>gone &amp; &lt;lost&gt;\
                  </Message><RequestId>r-1</RequestId></Error>";
    assert_eq!(text(&answer), format!("{declaration}{wanted}"));
    assert_eq!(Protocol::RestXml.decode(b"<anything").unwrap(), json!({}));
}

#[test]
fn a_rest_request_brings_members_in_path_and_query() {
    let on =
        |route: rest::Route, line: (&str, &str, &str)| rest::on(&route, line).map(|found| found.map(Value::Object));
    let detector = ("GET", "/detector/{DetectorId}", "GetDetector");
    assert_eq!(
        on(detector, ("GET", "/detector/a%2Fb", "x=1+%26&y")),
        Ok(Some(json!({"DetectorId": "a/b", "x": "1 &", "y": ""})))
    );
    for (method, path) in
        [("POST", "/detector/a"), ("GET", "/detector"), ("GET", "/detector/"), ("GET", "/detectors/a")]
    {
        assert_eq!(on(detector, (method, path, "")), Ok(None), "{method} {path}");
    }
    let acl = ("GET", "/{Bucket}?acl", "GetBucketAcl");
    assert_eq!(on(acl, ("GET", "/b.c", "x-id=GetBucketAcl&acl=")), Ok(Some(json!({"Bucket": "b.c"}))));
    for path in ["/b", "/b/"] {
        assert_eq!(on(acl, ("GET", path, "acl")), Ok(Some(json!({"Bucket": "b"}))));
    }
    assert_eq!(on(("GET", "/", "ListBuckets"), ("GET", "/", "max-buckets=1")), Ok(Some(json!({"max-buckets": "1"}))));
    for query in ["", "logging", "x=acl"] {
        assert_eq!(on(acl, ("GET", "/b", query)), Ok(None), "{query}");
    }
    assert_eq!(on(acl, ("GET", "/%ff", "acl")).unwrap_err().code, "SerializationException");
}

proptest! {
    #[test]
    fn no_address_breaks_a_route(path in "\\PC{0,30}", query in "\\PC{0,30}") {
        let _ = rest::on(&("GET", "/{A}/{B}?c", "X"), ("GET", &path, &query));
    }

    #[test]
    fn no_body_breaks_a_decoder(body: Vec<u8>) {
        for protocol in [Protocol::Json11, Protocol::Query, Protocol::Cbor] {
            let _ = protocol.decode(&body);
        }
    }

    #[test]
    fn a_form_brings_back_any_text(value in "\\PC{0,40}") {
        let body = format!("A.member.1={}", urlencoding::encode(&value));
        prop_assert_eq!(Protocol::Query.decode(body.as_bytes()).unwrap(), json!({ "A": [value] }));
    }
}
