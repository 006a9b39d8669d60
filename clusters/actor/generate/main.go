// Command generate writes the actor for every architecture below bin/, for a build with the tag embed_actor. "go generate"
// runs it in the directory of package actor.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
)

func main() {
	if err := generate(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func generate(ctx context.Context) error {
	if err := os.MkdirAll("bin", 0o755); err != nil {
		return err
	}
	for _, arch := range actor.Archs() {
		binary, err := actor.Builder{}.Binary(ctx, arch)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join("bin", "actor-linux-"+arch), binary, 0o755); err != nil {
			return err
		}
	}
	return nil
}
