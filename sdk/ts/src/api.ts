// Everything that is generated from the protos of the public API.

export * from "../../../gen/ts/siteplane/lifecycle/v1/condition_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/domain_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/domain_service_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/error_reason_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/event_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/event_service_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/infrastructure_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/infrastructure_service_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/key_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/key_service_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/operation_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/operation_service_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/site_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/site_service_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/tenant_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/tenant_service_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/timeline_pb.js";
export * from "../../../gen/ts/siteplane/lifecycle/v1/zone_service_pb.js";
export * from "../../../gen/ts/siteplane/diagnosis/v1/diagnosis_pb.js";
