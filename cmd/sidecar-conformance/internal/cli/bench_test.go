package cli

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
)

func discard(in io.Reader) Streams {
	return Streams{In: in, Out: io.Discard, Err: io.Discard, Files: fixtures.OS{}, Env: func(string) string { return "" }}
}

// BenchmarkAllReleases is simulate of one manifest for all releases, without the start of the process.
func BenchmarkAllReleases(b *testing.B) {
	for b.Loop() {
		args := []string{"simulate", "-f", "../../testdata/examples/pod.yaml", "--target", "all"}
		if code := Run(context.Background(), args, discard(nil)); code != exitClean {
			b.Fatalf("status %d", code)
		}
	}
}

// BenchmarkStream is simulate of 10,000 manifests of 2 kB from one stream.
func BenchmarkStream(b *testing.B) {
	manifest, err := os.ReadFile("../../../../fixtures/testdata/deployment.yaml")
	if err != nil {
		b.Fatal(err)
	}
	stream := strings.Repeat("---\n"+string(manifest), 10_000)
	for _, format := range []string{"json", "text"} {
		b.Run(format, func(b *testing.B) {
			for b.Loop() {
				if code := Run(context.Background(), []string{"simulate", "-f", "-", "-o", format}, discard(strings.NewReader(stream))); code != exitClean {
					b.Fatalf("status %d", code)
				}
			}
		})
	}
}
