// Creates a site, follows it until visitors reach it, lists the sites and deletes it
// again. Its exit code is 0 when all of it went well.
//
//   (cd ../../sdk/ts && npm ci && npm run build); npm ci
//   npm start -- --config ~/.local/state/siteplane/cli.json --origin 192.0.2.10:8080
//
// `siteplane up` says where it has written the config.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import {
  ConditionStatus,
  connect,
  reasonOf,
  SiteStatus,
  violationsOf,
  type Siteplane,
  type WatchEventsResponse,
} from "@siteplane/sdk";

const { values: flags } = parseArgs({
  options: {
    config: { type: "string", default: process.env["SITEPLANE_CONFIG"] ?? "" }, // file with address, CA and key
    origin: { type: "string", default: "" }, // address of the web server that answers for the site, ip:port
    keep: { type: "boolean", default: false }, // do not delete the site again
  },
});

async function run(siteplane: Siteplane): Promise<void> {
  // Watch before anything happens. The first answer has no event: it says that the
  // stream is open, so nothing is missed from here on.
  const stream = siteplane.events.watchEvents({ filter: { types: ["site.*", "domain.*"] } });
  const events = stream[Symbol.asyncIterator]();
  await events.next();

  const { site } = await siteplane.sites.createSite({
    // With a request id the call may be repeated, for instance after a timeout,
    // without making a second site.
    requestId: randomUUID(),
    site: {
      name: "TypeScript example",
      spec: { backend: { case: "origin", value: { targets: [{ address: flags.origin }] } } },
    },
  });
  const siteId = site!.siteId;
  console.log("created", siteId);
  await follow(siteplane, events, siteId);

  const { sites } = await siteplane.sites.listSites({ filter: "status = ACTIVE" });
  for (const { siteId, primaryDomain } of sites) {
    console.log("listed", siteId, primaryDomain?.hostname);
  }
  if (flags.keep) {
    return;
  }
  await siteplane.sites.deleteSite({ siteId, requestId: randomUUID() });
  await follow(siteplane, events, siteId);
}

/**
 * Reads the site after each event until it is ACTIVE, gone or failed, and prints how it
 * is on the way.
 */
async function follow(siteplane: Siteplane, events: AsyncIterator<WatchEventsResponse>, siteId: string): Promise<void> {
  for (let next = await events.next(); !next.done; next = await events.next()) {
    const { event } = next.value;
    if (event === undefined) {
      continue; // a sign of life
    }
    const { site, operation } = await siteplane.sites.getSite({ siteId });
    console.log(event.type, event.subject, "site", SiteStatus[site!.status]);
    for (const { type, status, reason } of [...site!.conditions, ...(site!.primaryDomain?.conditions ?? [])]) {
      console.log("  ", type, ConditionStatus[status], reason);
    }
    switch (site!.status) {
      case SiteStatus.ACTIVE:
      case SiteStatus.DELETED:
        return;
      case SiteStatus.ERROR:
        throw new Error(`the site failed: ${operation?.message}`);
    }
  }
  throw new Error("the stream ended");
}

const siteplane = connect(JSON.parse(await readFile(flags.config, "utf8")));
try {
  await run(siteplane);
} catch (error) {
  console.error("failed:", error instanceof Error ? error.message : error);
  console.error("  reason", reasonOf(error)); // to switch on
  for (const { field, description } of violationsOf(error)) {
    console.error(`  ${field}: ${description}`);
  }
  process.exitCode = 1;
} finally {
  siteplane.close();
}
