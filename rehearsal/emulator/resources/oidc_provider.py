"""AWS::IAM::OIDCProvider."""

from __future__ import annotations

from typing import Any

from rehearsal.emulator.resources.handler import Created, Properties, answered


class OidcProvider:
    """Ref and ``Arn`` are the provider's ARN (aws-resource-iam-oidcprovider)."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Trust the issuer; ValueError when the account trusts it already, as IAM answers."""
        from ministack.services import iam

        parameters: dict[str, Any] = {"Url": [properties["Url"]]}
        for name, short in (("ClientIdList", "ClientIDList"), ("ThumbprintList", "ThumbprintList")):
            for number, value in enumerate(properties.get(name) or [], 1):
                parameters[f"{short}.member.{number}"] = [value]
        arn = answered(iam._create_oidc_provider(parameters), "OpenIDConnectProviderArn")
        iam._oidc_providers[arn]["Tags"] = list(properties.get("Tags") or [])
        return arn, {"Arn": arn}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        """Change clients, thumbprints and tags in place; another Url is another provider."""
        from ministack.services import iam

        record = iam._oidc_providers.get(physical_id)
        if record is None or old.get("Url") != new.get("Url"):
            return self.create("", new, stack)
        record["ClientIDList"] = list(new.get("ClientIdList") or [])
        record["ThumbprintList"] = list(new.get("ThumbprintList") or [])
        record["Tags"] = list(new.get("Tags") or [])
        return physical_id, {"Arn": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Stop trusting the issuer."""
        from ministack.services import iam

        iam._oidc_providers.pop(physical_id, None)
