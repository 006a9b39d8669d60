// Command sidecar-conformance predicts in what order the containers of a Pod start, restart and stop on any Kubernetes
// release from 1.28 on.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/sidecar-conformance/sidecar-conformance/cmd/sidecar-conformance/internal/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Run(ctx, os.Args[1:], cli.Standard())
	stop()
	os.Exit(code)
}
