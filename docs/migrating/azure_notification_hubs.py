"""Reads an export job of Azure Notification Hubs: `python3 azure_notification_hubs.py APP export.xml > registrations.ndjson`.

The job writes one registration as XML on each line. A tag `$UserId:…`, as the SDKs set it, or `userId:…` names the User; a tag
`key:value` becomes a tag, and any other tag becomes a tag with the value `true`.
"""

import sys
import xml.etree.ElementTree as ElementTree

from common import Output

NAMESPACE = "{http://schemas.microsoft.com/netservices/2010/10/servicebus/connect}"
# Where each kind of registration has its token. Templates are registrations of the same devices.
TOKENS = {
    "AppleRegistrationDescription": ("APN", "DeviceToken"),
    "AppleTemplateRegistrationDescription": ("APN", "DeviceToken"),
    "FcmV1RegistrationDescription": ("FCM", "FcmV1RegistrationId"),
    "FcmV1TemplateRegistrationDescription": ("FCM", "FcmV1RegistrationId"),
    "GcmRegistrationDescription": ("FCM", "GcmRegistrationId"),
    "GcmTemplateRegistrationDescription": ("FCM", "GcmRegistrationId"),
}
USER_KEYS = ("$userid", "userid", "username")


def read_tags(text: str) -> tuple[str | None, dict[str, str]]:
    """The User's id, and the tags."""
    user = None
    tags = {}
    for tag in filter(None, (each.strip() for each in text.split(","))):
        key, _, value = tag.partition(":")
        if key.lower() in USER_KEYS and value:
            user = value
        elif not key.startswith("$"):
            tags[key] = value or "true"
    return user, tags


output = Output(sys.argv[1])
seen: set[tuple[str, str]] = set()
with open(sys.argv[2], encoding="utf-8-sig") as file:
    for line in filter(str.strip, file):
        description = ElementTree.fromstring(line)
        kind = description.tag.removeprefix(NAMESPACE)
        if kind not in TOKENS:
            output.leave_out(f"registrations of a kind that Bellwire does not serve ({kind})")
            continue

        provider, field = TOKENS[kind]
        token = (description.findtext(NAMESPACE + field) or "").strip()
        if not token:
            output.leave_out("registrations without a token")
        elif (provider, token) in seen:
            output.leave_out("further registrations of a device, such as templates")
        else:
            seen.add((provider, token))
            user, tags = read_tags(description.findtext(NAMESPACE + "Tags") or "")
            output.registration(provider, token, external_id=user, tags=tags)
output.end()
