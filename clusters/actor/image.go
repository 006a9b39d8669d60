package actor

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Program is where the image holds the program.
const Program = "/actor"

// repository is the image's name without its tag. No registry serves it.
const repository = "sidecar-conformance.dev/actor"

// Reference is the image's name. Its tag changes with the program, so that a node never runs an old one.
func Reference() string { return repository + ":" + Version() }

// user is whom the program runs as where a Pod names nobody: not root, in numbers, as clusters with strict policies want.
const user = "65532:65532"

// made is the age of everything in the image: the same bytes at any time.
var made = v1.Time{Time: time.Unix(0, 0).UTC()}

// Image returns the image for one architecture.
func (b Builder) Image(ctx context.Context, arch string) (v1.Image, error) {
	binary, err := b.Binary(ctx, arch)
	if err != nil {
		return nil, err
	}
	return image(binary, arch)
}

func image(binary []byte, arch string) (v1.Image, error) {
	files, err := archive(binary)
	if err != nil {
		return nil, fmt.Errorf("making the image of the actor: %w", err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(files)), nil })
	if err != nil {
		return nil, fmt.Errorf("making the image of the actor: %w", err)
	}
	img, err := mutate.Append(empty.Image, mutate.Addendum{Layer: layer, History: v1.History{Created: made, CreatedBy: "sidecar-conformance"}})
	if err != nil {
		return nil, fmt.Errorf("making the image of the actor: %w", err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("making the image of the actor: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created = "linux", arch, made
	config.Config = v1.Config{
		Entrypoint: []string{Program},
		Env:        []string{"PATH=/"},
		User:       user,
		Labels:     map[string]string{"org.opencontainers.image.title": "sidecar-conformance actor", "org.opencontainers.image.version": Version()},
	}
	return mutate.ConfigFile(img, config)
}

// archive is the file system of the image: one file.
func archive(binary []byte) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: Program[1:], Mode: 0o755, Size: int64(len(binary)), ModTime: made.Time, Format: tar.FormatUSTAR})
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(binary); err != nil {
		return nil, err
	}
	return out.Bytes(), w.Close()
}

// Index returns one image for several architectures.
func (b Builder) Index(ctx context.Context, archs []string) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.DockerManifestList)
	for _, arch := range archs {
		img, err := b.Image(ctx, arch)
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	return index, nil
}

// WriteTar writes the image for one architecture as a file that "kind load image-archive", "ctr images import" and
// "docker load" take. The image is called as Reference says.
func (b Builder) WriteTar(ctx context.Context, path, arch string) error {
	img, err := b.Image(ctx, arch)
	if err != nil {
		return err
	}
	tag, err := name.NewTag(Reference())
	if err != nil {
		return fmt.Errorf("writing the image of the actor: %w", err)
	}
	if err := tarball.WriteToFile(path, tag, img); err != nil {
		return fmt.Errorf("writing the image of the actor: %w", err)
	}
	return nil
}
