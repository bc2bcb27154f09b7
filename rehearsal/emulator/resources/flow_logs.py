"""AWS::EC2::FlowLog."""

from __future__ import annotations

from rehearsal.emulator.resources.handler import Created, Properties, answered, members, without_tags


class FlowLog:
    """Ref and ``Id`` are the flow log's id (aws-resource-ec2-flowlog)."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        """Switch the log on for one VPC, subnet or interface."""
        from ministack.services import ec2
        from ministack.services.cloudformation import provisioners

        parameters = members("ResourceId", [str(properties["ResourceId"])])
        for name in ("ResourceType", "TrafficType", "LogDestinationType", "LogDestination", "LogGroupName"):
            if name in properties:
                parameters[name] = [str(properties[name])]
        ids = answered(ec2._create_flow_logs(parameters), "flowLogIdSet")
        flow_log = ids.removeprefix("<item>").removesuffix("</item>")
        provisioners._ec2_apply_tags(flow_log, properties)
        return flow_log, {"Id": flow_log}

    def update(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        """Write the tags; any other property replaces the log."""
        from ministack.services.cloudformation import provisioners

        if without_tags(old) != without_tags(new):
            return self.create("", new, stack)
        provisioners._ec2_apply_tags(physical_id, new, old)
        return physical_id, {"Id": physical_id}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Switch the log off."""
        from ministack.services import ec2

        ec2._delete_flow_logs(members("FlowLogId", [physical_id]))
