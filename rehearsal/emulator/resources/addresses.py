"""AWS::EC2::EIP and AWS::EC2::NatGateway."""

from __future__ import annotations

from typing import Any

from rehearsal.emulator.resources.handler import Created, Properties, answered, without_tags


class ElasticIp:
    """Ref is the public address, ``AllocationId`` an attribute (aws-resource-ec2-eip)."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Allocate an address with the template's tags."""
        from ministack.services import ec2
        from ministack.services.cloudformation import provisioners

        response = ec2._allocate_address({"Domain": [properties.get("Domain", "vpc")]})
        allocation = answered(response, "allocationId")
        provisioners._ec2_apply_tags(allocation, properties)
        public = answered(response, "publicIp")
        return public, {"AllocationId": allocation, "PublicIp": public}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        """Write the tags; any other property replaces the address."""
        from ministack.services.cloudformation import provisioners

        record = _address(physical_id)
        if record is None or without_tags(old) != without_tags(new):
            return self.create("", new, stack)
        allocation = str(record["AllocationId"])
        provisioners._ec2_apply_tags(allocation, new, old)
        return physical_id, {"AllocationId": allocation, "PublicIp": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Release the address."""
        from ministack.services import ec2

        record = _address(physical_id)
        if record is not None:
            ec2._release_address({"AllocationId": [record["AllocationId"]]})


def _address(public_ip: str) -> dict[str, Any] | None:
    from ministack.services import ec2

    return next((a for a in ec2._addresses.values() if a["PublicIp"] == public_ip), None)


class NatGateway:
    """Ref and ``NatGatewayId`` are the id (aws-resource-ec2-natgateway)."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Make the gateway in its subnet, with its address."""
        from ministack.services import ec2
        from ministack.services.cloudformation import provisioners

        parameters = {
            name: [str(properties[name])]
            for name in ("SubnetId", "AllocationId", "ConnectivityType")
            if name in properties
        }
        gateway = answered(ec2._create_nat_gateway(parameters), "natGatewayId")
        provisioners._ec2_apply_tags(gateway, properties)
        return gateway, {"NatGatewayId": gateway}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        """Write the tags; any other property replaces the gateway."""
        from ministack.services import ec2
        from ministack.services.cloudformation import provisioners

        if physical_id not in ec2._nat_gateways or without_tags(old) != without_tags(new):
            return self.create("", new, stack)
        provisioners._ec2_apply_tags(physical_id, new, old)
        return physical_id, {"NatGatewayId": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Forget the gateway; EC2 shows a deleted one for an hour, an empty teardown must not."""
        from ministack.services import ec2

        ec2._nat_gateways.pop(physical_id, None)
        ec2._tags.pop(physical_id, None)
