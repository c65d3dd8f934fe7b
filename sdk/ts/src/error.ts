import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { ConnectError } from "@connectrpc/connect";

import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../../gen/ts/google/rpc/error_details_pb.js";
import { ErrorReason } from "./api.js";

/** Reason says why a call failed, for programs to switch on. */
export type Reason = Exclude<keyof typeof ErrorReason, "UNSPECIFIED">;

/** FieldViolation says what is wrong with one field of a request. */
export interface FieldViolation {
  /** Path of the field, for instance site.slug. */
  field: string;
  /** What is wrong with it, for people. */
  description: string;
  /** The same for programs; may be empty. */
  reason: string;
}

/**
 * Returns the reason of a failed call; undefined when Siteplane did not answer it, or
 * with a reason that is newer than this package.
 */
export function reasonOf(error: unknown): Reason | undefined {
  const [info] = detailsOf(error, ErrorInfoSchema);
  return info?.domain === "siteplane" && isReason(info.reason) ? info.reason : undefined;
}

/** Returns which fields of the request are wrong, in their order. */
export function violationsOf(error: unknown): FieldViolation[] {
  return detailsOf(error, BadRequestSchema).flatMap((request) =>
    request.fieldViolations.map(({ field, description, reason }) => ({ field, description, reason })),
  );
}

/** Returns after how many milliseconds it is worth asking again; undefined when that is not said. */
export function retryDelayOf(error: unknown): number | undefined {
  const delay = detailsOf(error, RetryInfoSchema)[0]?.retryDelay;
  return delay === undefined ? undefined : Number(delay.seconds) * 1000 + delay.nanos / 1e6;
}

function isReason(text: string): text is Reason {
  return text !== "UNSPECIFIED" && Object.hasOwn(ErrorReason, text) && Number.isNaN(Number(text));
}

function detailsOf<Desc extends DescMessage>(error: unknown, type: Desc): MessageShape<Desc>[] {
  return error instanceof ConnectError ? error.findDetails(type) : [];
}
