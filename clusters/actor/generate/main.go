// Command generate writes the actor for every architecture below bin/, for a build with the tag embed_actor. "go generate"
// runs it in the directory of package actor.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
)

func main() {
	if err := (actor.Builder{}).WriteEmbedded(context.Background(), "."); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}
