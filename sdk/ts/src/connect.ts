import { createClient, type Client, type Interceptor, type Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";

import {
  DomainService,
  EventService,
  InfrastructureService,
  KeyService,
  OperationService,
  SiteService,
  TenantService,
  ZoneService,
} from "./api.js";

/** Options say where an installation is and who calls. */
export interface Options {
  /** host:port of the gRPC listener. */
  address: string;
  /** PEM certificate that signed the listener's; without it those that Node trusts. */
  ca?: string | undefined;
  /** API key. */
  key: string;
  /** Longest time that a call may take, in milliseconds; without it 30 s. Streams have none. */
  timeoutMs?: number | undefined;
}

/** Siteplane holds a client of every service; they share one connection. */
export interface Siteplane {
  readonly sites: Client<typeof SiteService>;
  readonly domains: Client<typeof DomainService>;
  readonly operations: Client<typeof OperationService>;
  readonly events: Client<typeof EventService>;
  readonly keys: Client<typeof KeyService>;
  readonly tenants: Client<typeof TenantService>;
  readonly zones: Client<typeof ZoneService>;
  readonly infrastructure: Client<typeof InfrastructureService>;
  /** Ends the connection and every call on it; a program that does not may take long to end. */
  close(): void;
}

/** Returns clients. It does not connect until the first call. */
export function connect({ address, ca, key, timeoutMs = 30_000 }: Options): Siteplane {
  const baseUrl = `https://${address}`;
  const sessionManager = new Http2SessionManager(baseUrl, { pingIntervalMs: 30_000 }, ca === undefined ? {} : { ca });
  const transport = bounded(createGrpcTransport({ baseUrl, sessionManager, interceptors: [bearer(key)] }), timeoutMs);
  return {
    sites: createClient(SiteService, transport),
    domains: createClient(DomainService, transport),
    operations: createClient(OperationService, transport),
    events: createClient(EventService, transport),
    keys: createClient(KeyService, transport),
    tenants: createClient(TenantService, transport),
    zones: createClient(ZoneService, transport),
    infrastructure: createClient(InfrastructureService, transport),
    close: () => sessionManager.abort(),
  };
}

function bearer(key: string): Interceptor {
  return (next) => (request) => {
    request.header.set("Authorization", `Bearer ${key}`);
    return next(request);
  };
}

/** Bounds calls that do not say how long they may take; streams go on. */
function bounded(transport: Transport, timeoutMs: number): Transport {
  return {
    unary: (method, signal, timeout, ...rest) => transport.unary(method, signal, timeout ?? timeoutMs, ...rest),
    stream: transport.stream.bind(transport),
  };
}
