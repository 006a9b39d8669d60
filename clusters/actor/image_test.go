package actor

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

// TestImage builds the image for all architectures twice, the second time with nothing in the cache.
func TestImage(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program for all architectures")
	}
	ctx := context.Background()
	var digests []string
	for _, b := range []Builder{builder, {Cache: t.TempDir()}} {
		index, err := b.Index(ctx, Archs())
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := index.IndexManifest()
		if err != nil || len(manifest.Manifests) != len(Archs()) {
			t.Fatalf("the index is %+v, %v", manifest, err)
		}
		for i, arch := range Archs() {
			if platform := manifest.Manifests[i].Platform; platform == nil || platform.Architecture != arch {
				t.Errorf("image %d is for %v, want %s", i, platform, arch)
			}
		}
		digest, err := index.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest.String())
	}
	if digests[0] != digests[1] {
		t.Errorf("the digests are %v", digests)
	}
}

func TestImageHoldsTheProgramOnly(t *testing.T) {
	img, err := image([]byte("program"), "arm64")
	if err != nil {
		t.Fatal(err)
	}
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	files, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	reader := tar.NewReader(files)
	header, err := reader.Next()
	if err != nil || header.Name != "actor" || header.Mode != 0o755 || header.Uid != 0 || header.ModTime.Unix() != 0 {
		t.Errorf("the file is %+v, %v", header, err)
	}
	if text, err := io.ReadAll(reader); string(text) != "program" || err != nil {
		t.Errorf("the file holds %q, %v", text, err)
	}
	if header, err = reader.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("there is %+v too, %v", header, err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if config.Architecture != "arm64" || config.OS != "linux" || config.Config.Entrypoint[0] != Program || config.Config.User != user {
		t.Errorf("the configuration is %+v", config)
	}
}

func TestWriteTar(t *testing.T) {
	if programFile == "" {
		t.Skip("the actor runs on Linux only")
	}
	var written [2][]byte
	for i := range written {
		file := filepath.Join(t.TempDir(), "actor.tar")
		if err := builder.WriteTar(context.Background(), file, runtime.GOARCH); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		written[i] = text
	}
	if !bytes.Equal(written[0], written[1]) {
		t.Error("the same image was written in two ways")
	}
	opener := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(written[0])), nil }
	manifest, err := tarball.LoadManifest(opener)
	if err != nil || len(manifest) != 1 || len(manifest[0].RepoTags) != 1 || manifest[0].RepoTags[0] != Reference() {
		t.Fatalf("the file holds %+v, %v", manifest, err)
	}
	img, err := tarball.Image(opener, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(img); err != nil {
		t.Error(err)
	}
	const most = 2 << 20
	if size := layerSize(t, img); size > most {
		t.Errorf("the layer has %d bytes, more than %d: every node stores it and every Pod loads it", size, most)
	}
}

func layerSize(t *testing.T, img v1.Image) int64 {
	t.Helper()
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	size, err := layers[0].Size()
	if err != nil {
		t.Fatal(err)
	}
	return size
}

func TestBinaryRefuses(t *testing.T) {
	ctx := context.Background()
	for _, c := range []struct {
		name string
		b    Builder
		arch string
		want string
	}{
		{"unknown architecture", builder, "s390x", "built for amd64 and arm64"},
		{"no Go", Builder{Cache: t.TempDir(), Go: "no-such-go-command"}, "amd64", "install Go, or use a release"},
	} {
		if _, err := c.b.Binary(ctx, c.arch); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
