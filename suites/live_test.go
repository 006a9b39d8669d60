package suites

import (
	"os"
	"slices"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/types"
	. "github.com/onsi/gomega"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/actor"
	"github.com/sidecar-conformance/sidecar-conformance/clusters/observe"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
	"github.com/sidecar-conformance/sidecar-conformance/suites/runner"
)

// cleanup bounds how long taking a cluster away may take after an interrupt.
const cleanup = 6 * time.Minute

// liveSpecs has a container for each cluster, whose scenarios are played at once before its first spec. Clusters take memory: one is there
// at a time.
func liveSpecs(source report.Source, items []fixtures.Item) {
	targets, err := clusters.Find(settings.target)
	if err != nil || settings.target == "" {
		Fail("-suites.target names the clusters: " + settings.target)
	}
	for _, target := range targets {
		Describe("against "+string(source)+" on "+target.String(), Ordered, ContinueOnFailure, Serial, func() {
			var r *report.Report
			BeforeAll(func(ctx SpecContext) {
				on := runner.Clusters{Source: source, Compare: runner.BuiltIn(), Observe: observe.Options{
					Tool: "sidecar-conformance suites", Actor: actor.Options{Image: settings.actorImage},
				}}
				place, err := liveOn(ctx, source, target)
				Expect(err).NotTo(HaveOccurred())
				on.Places = []runner.Place{place}
				c := runner.DefaultConfig(chosen(source, items, target), nil)
				c.Again, c.Progress = again(source), tellGinkgo
				r, err = runner.Live(ctx, c, on)
				Expect(err).NotTo(HaveOccurred())
			}, GracePeriod(cleanup))
			for _, one := range target.Expand() {
				for i := range items {
					It(items[i].FullName()+" on "+one.String()+": "+items[i].Title, labels(source, &items[i], one), func() {
						conclude(r, &items[i], one)
					})
				}
			}
		})
	}
}

// chosen are the items that the label filter chooses for some node of a target.
func chosen(source report.Source, items []fixtures.Item, target gates.Target) []fixtures.Item {
	filter := types.MustParseLabelFilter(GinkgoLabelFilter())
	return slices.DeleteFunc(slices.Clone(items), func(item fixtures.Item) bool {
		return !slices.ContainsFunc(target.Expand(), func(one gates.Target) bool { return filter(labelsOf(source, &item, one)) })
	})
}

func liveOn(ctx SpecContext, source report.Source, target gates.Target) (runner.Place, error) {
	if source == report.Kubeconfig {
		return existing(ctx, target)
	}
	dir := settings.dir
	if dir == "" {
		dir = GinkgoT().TempDir()
	}
	provider, err := clusters.NewProvider(clusters.Config{Dir: dir, Runtime: settings.runtime, Progress: func(p clusters.Progress) {
		if p.State == clusters.Begun {
			GinkgoWriter.Printf("%s: %s\n", p.Cluster, p.Step)
		}
	}})
	if err != nil {
		return runner.Place{}, err
	}
	var images []clusters.Image
	for _, text := range strings.FieldsFunc(settings.images, func(r rune) bool { return r == ',' }) {
		image, err := clusters.ParseImage(text)
		if err != nil {
			return runner.Place{}, err
		}
		images = append(images, image)
	}
	plan, err := clusters.NewPlan(target, clusters.Options{Images: clusters.ImagesFor(images, target), Offline: settings.offline})
	if err != nil {
		return runner.Place{}, err
	}
	return runner.OnKind(provider, plan, runner.KindOptions{Keep: settings.keep && settings.dir != ""}), nil
}

// existing opens a cluster that is there: one of ours by its name, or any by its kubeconfig.
func existing(ctx SpecContext, target gates.Target) (runner.Place, error) {
	if settings.cluster == "" {
		from := clusters.Kubeconfig{File: settings.kubeconfig, Context: settings.context}
		if from.File == "" {
			from.File = os.Getenv("KUBECONFIG")
		}
		cluster, err := clusters.Open(from)
		return runner.OnExisting(cluster, nil, target), err
	}
	provider, err := clusters.NewProvider(clusters.Config{Dir: settings.dir, Runtime: settings.runtime})
	if err != nil {
		return runner.Place{}, err
	}
	own, err := provider.Get(ctx, settings.cluster)
	if err != nil {
		return runner.Place{}, err
	}
	cluster, err := own.Open()
	return runner.OnExisting(cluster, own, target), err
}

// tellGinkgo writes what goes on, for -ginkgo.v.
func tellGinkgo(p runner.Progress) {
	GinkgoWriter.Printf("%s: %v %s %d/%d %s\n", p.Target, p.State, p.Scenario, p.Done, p.All, p.Text)
}
