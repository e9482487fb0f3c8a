"""Whether `shapes` sees what is wrong: answers made up to be wrong in one way each."""

import unittest

import cbor2

import shapes
from clients import CLOUDWATCH_PROTOCOLS, speaking

SESSION = speaking(CLOUDWATCH_PROTOCOLS[0])


class Judgement(unittest.TestCase):
    """The judge is of no use if nothing is wrong in its eyes."""

    def problems(self, service, operation, body, status=200, **headers):
        model = SESSION.client(service, region_name="eu-central-1").meta.service_model.operation_model(operation)
        kind = shapes.CONTENT_TYPES[model.service_model.resolved_protocol]
        headers = {"x-amzn-requestid": "r", "x-amz-request-id": "r", "content-type": kind, **{n.replace("_", "-"): v for n, v in headers.items()}}
        return shapes.problems(model, {"status_code": status, "headers": headers, "body": body})

    def test_wrong_answers_are_told(self):
        user = "<GetCallerIdentityResult><UserId>u</UserId>%s<Account>1</Account></GetCallerIdentityResult>"
        space = "https://sts.amazonaws.com/doc/2011-06-15/"
        whole = f"<GetCallerIdentityResponse xmlns='{space}'>{user}<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata>" \
            "</GetCallerIdentityResponse>"
        self.assertEqual(self.problems("sts", "GetCallerIdentity", whole % ""), [])
        alarms = lambda value: cbor2.dumps({"MetricAlarms": [{"Threshold": value}], "CompositeAlarms": []})
        cbor = {"smithy_protocol": "rpc-v2-cbor"}
        self.assertEqual(self.problems("cloudwatch", "DescribeAlarms", alarms(1.0), **cbor), [])
        refusal = b'{"__type": "%s", "Message": "m"}'
        for found, wanted in [
            (self.problems("sts", "GetCallerIdentity", whole % "<More>1</More>"), "no member More"),
            (self.problems("sts", "GetCallerIdentity", whole % "<UserId>u</UserId>"), "UserId twice"),
            (self.problems("sts", "GetCallerIdentity", (whole % "").replace("sts.", "iam.")), "root element"),
            (self.problems("sts", "GetCallerIdentity", whole % "<Arn><b/></Arn>"), "elements in a string"),
            (self.problems("cloudwatch", "DescribeAlarms", alarms(1), **cbor), "no double"),
            (self.problems("cloudwatch", "DescribeAlarms", alarms(1.0)), "no smithy-protocol"),
            (self.problems("cloudwatch", "DescribeAlarms", alarms(1.0) + b"\x00", **cbor), "bytes after"),
            (self.problems("cloudwatch", "DeleteAlarms", b"\xa0", **cbor), "no output"),
            (self.problems("organizations", "ListRoots", b'{"Roots": [{"Id": "x"}]}'), "does not match"),
            (self.problems("organizations", "ListRoots", b'{"Roots": [], "NextToken": null}'), "no string"),
            (self.problems("organizations", "ListRoots", b'{"Roots": {}}'), "no list"),
            (self.problems("organizations", "ListRoots", b"<html>"), "can't be read"),
            (self.problems("organizations", "ListRoots", refusal % b"PolicyNotFoundException", 400), "has no error"),
            (self.problems("organizations", "ListRoots", refusal % b"AccessDeniedException", 403), "has status 403"),
            (self.problems("organizations", "ListRoots", refusal[:-1] % b"InvalidInputException" + b', "Reason": "X"}', 400), "not in"),
        ]:
            self.assertEqual(len(found), 1, found)
            self.assertIn(wanted, found[0])
        self.assertEqual(self.problems("organizations", "ListRoots", refusal % b"ServiceException", 400), [])

    def test_wrong_answers_of_s3_are_told(self):
        space = "xmlns='http://s3.amazonaws.com/doc/2006-03-01/'"
        grant = "<AccessControlList><Grant>%s<Permission>READ</Permission></Grant></AccessControlList>"
        acl = f"<AccessControlPolicy {space}>{grant}</AccessControlPolicy>"
        grantee = "<Grantee xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' xsi:type='%s'><URI>u</URI></Grantee>"
        refusal = "<Error><Code>%s</Code><Message>m</Message><RequestId>r</RequestId><HostId>h</HostId></Error>"
        self.assertEqual(self.problems("s3", "GetBucketAcl", acl % grantee % "Group"), [])
        self.assertEqual(self.problems("s3", "GetBucketAcl", refusal % "NoSuchBucket", 404), [])
        for found, wanted in [
            (self.problems("s3", "GetBucketAcl", acl % grantee % "Crowd"), "is not in"),
            (self.problems("s3", "GetBucketAcl", acl % "<Grantee><URI>u</URI></Grantee>"), "no Type"),
            (self.problems("s3", "GetBucketAcl", acl.replace("Policy", "List") % ""), "root element"),
            (self.problems("s3", "GetBucketAcl", acl.replace("<Grant>", "<member>").replace("</Grant>", "</member>") % ""), "not <Grant>"),
            (self.problems("s3", "GetBucketPolicyStatus", f"<PolicyStatus {space}><IsPublic>yes</IsPublic></PolicyStatus>"), "no boolean"),
            (self.problems("s3", "GetBucketAcl", refusal % "NoSuchBucket", 400), "has status 400"),
            (self.problems("s3", "GetBucketAcl", refusal % "NoSuchThing", 404), "has no error"),
        ]:
            self.assertEqual(len(found), 1, found)
            self.assertIn(wanted, found[0])
