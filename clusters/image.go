package clusters

import (
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

//go:embed images.yaml
var imagesText []byte

// imageTable is images.yaml.
type imageTable struct {
	Repository string
	Images     []struct{ Release, Image string }
	// RefusesCgroupV1 are release lines.
	RefusesCgroupV1 []string
}

func images() imageTable {
	var table imageTable
	if err := yaml.UnmarshalStrict(imagesText, &table); err != nil {
		panic(fmt.Errorf("reading images.yaml: %w", err)) // the file is embedded, and a test reads it
	}
	return table
}

// NodeImage returns the official node image of a release, pinned by its digest where that is known.
func NodeImage(r gates.Release) string {
	table := images()
	for _, row := range table.Images {
		if row.Release == r.String() {
			return row.Image
		}
	}
	return table.Repository + ":v" + r.String()
}

// Image is a node image in place of the official one.
type Image struct {
	// Release is a line such as 1.29 or a patch release such as 1.29.15; empty for all.
	Release string
	// Image is what the container runtime pulls or has.
	Image string
}

// ParseImage reads IMAGE or RELEASE=IMAGE.
func ParseImage(text string) (Image, error) {
	release, image, found := strings.Cut(text, "=")
	if !found {
		release, image = "", text
	}
	if image == "" || strings.ContainsAny(image, " \t=") {
		return Image{}, fmt.Errorf("image %q: want IMAGE or RELEASE=IMAGE, with a release line or a patch release", text)
	}
	if found {
		if _, err := gates.ParseRelease(release); err != nil {
			return Image{}, fmt.Errorf("image %q: %w", text, err)
		}
		release = strings.TrimPrefix(release, "v")
	}
	return Image{release, image}, nil
}

// choose returns the image of a release: the most precise of the choices, else the official one.
func choose(choices []Image, r gates.Release) string {
	for _, want := range []string{r.String(), r.Line(), ""} {
		for _, c := range slices.Backward(choices) {
			if c.Release == want {
				return c.Image
			}
		}
	}
	return NodeImage(r)
}

// ImagesFor returns the choices that matter to a target.
func ImagesFor(choices []Image, t gates.Target) []Image {
	return slices.DeleteFunc(slices.Clone(choices), func(i Image) bool { return !i.fits(t) })
}

// UnusedImages reports choices for releases that none of the targets has: a typing error that would go unnoticed.
func UnusedImages(choices []Image, targets []gates.Target) error {
	var problems []error
	for _, c := range choices {
		if !slices.ContainsFunc(targets, c.fits) {
			problems = append(problems, fmt.Errorf("image %q is for %s, which no target has", c.Image, c.Release))
		}
	}
	return errors.Join(problems...)
}

// fits reports whether a component of the target may run on the image.
func (i Image) fits(t gates.Target) bool {
	if i.Release == "" {
		return true
	}
	return slices.ContainsFunc(append([]gates.Component{t.Control}, t.Nodes...), func(c gates.Component) bool {
		return i.Release == c.Release.String() || i.Release == c.Release.Line()
	})
}
