// Command bench measures Siteplane against baselines that it runs itself, in
// the same run on the same machine, and writes one line per result. It owns the
// table of benchmarks and the form of results; each benchmark has a file of its
// own. A benchmark that cannot run its baseline fails: no stored number is ever
// printed.
//
// To read a line: absolute figures differ from machine to machine and from hour to
// hour, the ratio of value and baseline less so, for both were taken in turn. What each
// contains, and what its ratio cannot tell, is in the comment of its function. A machine
// that others load shifts ratios, too; run twice before believing one.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	name := flag.String("name", "", "run only this benchmark and append its result; empty runs all and rewrites")
	out := flag.String("out", "bench/out/results.jsonl", "file for results, one JSON object per line")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *name, *out, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}
