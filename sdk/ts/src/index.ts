// Typed clients of Siteplane's API for Node, over gRPC with TLS and an API key.
//
//   const siteplane = connect({ address: "siteplane.example:8081", key });
//   const { sites } = await siteplane.sites.listSites({ filter: "status = ACTIVE" });
//
// What the calls take and return is generated from the protos, in api.ts; this package
// adds the connection and the reading of errors.

export * from "./api.js";
export { connect, type Options, type Siteplane } from "./connect.js";
export { reasonOf, retryDelayOf, violationsOf, type FieldViolation, type Reason } from "./error.js";
export { create } from "@bufbuild/protobuf";
export { Code, ConnectError } from "@connectrpc/connect";
