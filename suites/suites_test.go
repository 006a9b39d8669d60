package suites

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/gomega"

	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
)

// settings are the flags of the suite. Ginkgo calls the bodies of containers after they were read.
var settings struct {
	against, target, recordings      string
	kubeconfig, context, cluster     string
	images, dir, runtime, actorImage string
	offline, keep, allowInconclusive bool
	reports                          []string
}

func init() {
	flag.StringVar(&settings.against, "suites.against", "sim,recordings", "sources: sim, recordings, oracle, kind, kubeconfig; a list")
	flag.StringVar(&settings.target, "suites.target", "", "targets, as verify takes them; default: all that a source has")
	flag.StringVar(&settings.recordings, "suites.recordings", "", "files or directories of recordings, a list; default: those that are built in")
	flag.StringVar(&settings.kubeconfig, "suites.kubeconfig", "", "kubeconfig of the cluster")
	flag.StringVar(&settings.context, "suites.context", "", "context of the kubeconfig")
	flag.StringVar(&settings.cluster, "suites.cluster", "", "name of a cluster that clusters create made, for kubeconfig")
	flag.StringVar(&settings.images, "suites.image", "", "node images, as RELEASE=IMAGE, a list")
	flag.StringVar(&settings.dir, "suites.dir", "", "directory of the label files and kubeconfigs of clusters; default: one for the run")
	flag.StringVar(&settings.runtime, "suites.runtime", "docker", "container runtime: docker, podman or nerdctl")
	flag.StringVar(&settings.actorImage, "suites.actor-image", "", "name under which the nodes have the actor's image")
	flag.BoolVar(&settings.offline, "suites.offline", false, "for node images that build-image made")
	flag.BoolVar(&settings.keep, "suites.keep", false, "keep the clusters that were made; wants -suites.dir")
	flag.BoolVar(&settings.allowInconclusive, "suites.allow-inconclusive", false, "let inconclusive outcomes pass; they are reported all the same")
	flag.Func("suites.report", "also write the conformance report, as FORMAT=FILE; may be given several times, for one source", func(text string) error {
		format, name, ok := strings.Cut(text, "=")
		if _, err := report.ParseFormat(format); err != nil || !ok || name == "" {
			return fmt.Errorf("want FORMAT=FILE with text, json, junit or markdown")
		}
		settings.reports = append(settings.reports, text)
		return nil
	})
}

// TestConformance runs the specs.
func TestConformance(t *testing.T) {
	for _, source := range sources() {
		if !slices.Contains(report.Sources(), source) {
			t.Fatalf("-suites.against: %q is no source", source)
		}
	}
	if len(settings.reports) > 0 && len(sources()) != 1 {
		t.Fatal("-suites.report writes the report of one source; name it with -suites.against")
	}
	gomega.RegisterFailHandler(Fail)
	RunSpecs(t, "sidecar-conformance")
}

func sources() []report.Source {
	var list []report.Source
	for _, text := range strings.Split(settings.against, ",") {
		list = append(list, report.Source(strings.TrimSpace(text)))
	}
	return list
}
