package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"
	"unsafe"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubetypes "k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/record"
	"k8s.io/component-base/tracing"
	internalapi "k8s.io/cri-api/pkg/apis"
	"k8s.io/kubernetes/pkg/kubelet"
	cadvisortest "k8s.io/kubernetes/pkg/kubelet/cadvisor/testing"
	"k8s.io/kubernetes/pkg/kubelet/cm"
	containertest "k8s.io/kubernetes/pkg/kubelet/container/testing"
	"k8s.io/kubernetes/pkg/kubelet/pluginmanager"
	"k8s.io/kubernetes/pkg/kubelet/types"
	kubeletutil "k8s.io/kubernetes/pkg/kubelet/util"
	"k8s.io/kubernetes/pkg/util/oom"
	"k8s.io/kubernetes/pkg/volume/emptydir"
	"k8s.io/kubernetes/pkg/volume/util/hostutil"
	"k8s.io/kubernetes/pkg/volume/util/subpath"
	"k8s.io/mount-utils"
)

// Name is the node's name.
const Name = "node"

// Options of one kubelet.
type Options struct {
	Client  kubernetes.Interface
	Runtime internalapi.RuntimeService
	Images  internalapi.ImageManagerService
	// Root is a folder of its own for this kubelet.
	Root string
	// MaxContainerRestartPeriod is crashLoopBackOff.maxContainerRestartPeriod; 0 means unset.
	MaxContainerRestartPeriod time.Duration
	// ShutdownGracePeriod and ShutdownGracePeriodCriticalPods are the fields of the configuration; 0 means unset.
	ShutdownGracePeriod, ShutdownGracePeriodCriticalPods time.Duration
	// Relist shifts and reports the relists.
	Relist *RelistClock
	// Event is told every event that the kubelet records, as "TYPE REASON MESSAGE".
	Event func(text string)
}

// Object is the node as the API server has it before the kubelet starts.
func Object() *v1.Node {
	room := v1.ResourceList{
		v1.ResourceCPU: resource.MustParse("64"), v1.ResourceMemory: resource.MustParse("256Gi"),
		v1.ResourcePods: resource.MustParse("110"), v1.ResourceEphemeralStorage: resource.MustParse("1Ti"),
	}
	now := metav1.Now()
	return &v1.Node{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{Name: Name, UID: "node-uid", CreationTimestamp: now, Labels: map[string]string{
			v1.LabelHostname: Name, v1.LabelOSStable: "linux", v1.LabelArchStable: "amd64",
		}},
		Status: v1.NodeStatus{
			Capacity: room, Allocatable: room,
			Addresses: []v1.NodeAddress{{Type: v1.NodeInternalIP, Address: "10.0.0.1"}, {Type: v1.NodeHostName, Address: Name}},
			Conditions: []v1.NodeCondition{{
				Type: v1.NodeReady, Status: v1.ConditionTrue, Reason: "KubeletReady", LastHeartbeatTime: now, LastTransitionTime: now,
			}},
			NodeInfo: v1.NodeSystemInfo{OperatingSystem: "linux", Architecture: "amd64"},
		},
	}
}

// Kubelet is one that runs.
type Kubelet struct {
	kubelet *kubelet.Kubelet
	stop    chan struct{}
	relist  *RelistClock
	// announced tells its shutdown manager, if it has one, that the node shuts down; released is told when it lets go.
	announced chan<- bool
	released  func()
}

// Active is a Pod that the kubelet counts as active, or nil: evictions and preemptions choose among those.
func (k *Kubelet) Active(uid kubetypes.UID) *v1.Pod {
	for _, pod := range k.kubelet.GetActivePods() {
		if pod.UID == uid {
			return pod
		}
	}
	return nil
}

// Evict has the pod workers stop an active Pod as the eviction manager does, or the preemption of Pods: with a grace, nil for the Pod's own,
// and what becomes of its status when the stop begins. It does not wait for the end.
func (k *Kubelet) Evict(pod *v1.Pod, grace *int64, status func(*v1.PodStatus)) {
	kill := field(field(k.kubelet, "evictionManager").Elem().Interface(), "killPodFunc")
	go call(kill, map[reflect.Type][]reflect.Value{
		reflect.TypeOf(pod):    {reflect.ValueOf(pod)},
		reflect.TypeOf(true):   {reflect.ValueOf(true)},
		reflect.TypeOf(grace):  {reflect.ValueOf(grace)},
		reflect.TypeOf(status): {reflect.ValueOf(status)},
	})
}

// Stop takes the kubelet out of use. It cannot be ended, so it is cut off: its sync loop ends, its relists stop. Its clients of the API
// server and of the runtime must be cut off with it.
func (k *Kubelet) Stop() {
	k.relist.stop()
	close(k.stop)
}

// Start starts the kubelet. It never ends; it is left behind when the bubble's main goroutine returns.
func Start(o Options) (*Kubelet, error) {
	silenceMetrics()
	config, err := configuration(&o)
	if err != nil {
		return nil, fmt.Errorf("making the configuration: %w", err)
	}
	recorder := record.NewFakeRecorder(100)
	go func() {
		for text := range recorder.Events {
			o.Event(text)
		}
	}()
	deps := &kubelet.Dependencies{
		CAdvisorInterface:        new(cadvisortest.Fake),
		ContainerManager:         containers{cm.NewStubContainerManager()},
		KubeClient:               o.Client,
		Mounter:                  mount.NewFakeMounter(nil),
		HostUtil:                 hostutil.NewFakeHostUtil(nil),
		OOMAdjuster:              oom.NewFakeOOMAdjuster(),
		OSInterface:              &files{root: o.Root},
		Recorder:                 recorder,
		Subpather:                &subpath.FakeSubpath{},
		TracerProvider:           tracing.NewNoopTracerProvider(),
		VolumePlugins:            emptydir.ProbeVolumePlugins(),
		RemoteRuntimeService:     o.Runtime,
		RemoteImageService:       o.Images,
		PodStartupLatencyTracker: kubeletutil.NewPodStartupLatencyTracker(),
	}
	k, err := newKubelet(config, deps, o.Root)
	if err != nil {
		return nil, fmt.Errorf("making the kubelet: %w", err)
	}

	// The plugin manager would watch files. With a folder that cannot be made, its Run returns at once.
	plugins := reflect.ValueOf(pluginmanager.NewPluginManager).Call([]reflect.Value{
		reflect.ValueOf("/dev/null/plugins"), reflect.ValueOf(recorder),
	})
	field(k, "pluginManager").Set(plugins[0])
	o.Relist.install(field(k, "pleg"))

	started := &Kubelet{kubelet: k, stop: make(chan struct{}), relist: o.Relist}
	if err := started.inhibit(); err != nil {
		return nil, err
	}
	call(reflect.ValueOf(k).MethodByName("StartGarbageCollection"), nil)
	updates := started.until(deps.PodConfig.Updates())
	go call(reflect.ValueOf(k).MethodByName("Run"), map[reflect.Type][]reflect.Value{
		reflect.TypeOf(updates): {reflect.ValueOf(updates)},
	})
	return started, nil
}

// files is the kubelet's operating system: a fake, but for files below root that are looked for or removed, which are the logs of containers.
type files struct {
	containertest.FakeOS
	root string
}

// Stat describes a file.
func (f *files) Stat(path string) (os.FileInfo, error) { return os.Stat(path) }

// Glob finds files below root.
func (f *files) Glob(pattern string) ([]string, error) {
	if !strings.HasPrefix(pattern, f.root+string(filepath.Separator)) {
		return nil, nil
	}
	return filepath.Glob(pattern)
}

// Remove removes a file below root.
func (f *files) Remove(path string) error {
	if !strings.HasPrefix(path, f.root+string(filepath.Separator)) {
		return nil
	}
	return os.Remove(path)
}

// until passes on what comes until the kubelet is stopped. Then the channel is closed, which ends the sync loop.
func (k *Kubelet) until(updates <-chan types.PodUpdate) <-chan types.PodUpdate {
	passed := make(chan types.PodUpdate)
	go func() {
		defer close(passed)
		for {
			select {
			case u := <-updates:
				select {
				case passed <- u:
				case <-k.stop:
					return
				}
			case <-k.stop:
				return
			}
		}
	}()
	return passed
}

// hostName is an address: the kubelet would look up any other name, until it has seen its node, and DNS has no place in virtual time.
// nodestatus/setters.go: NodeAddress.
const hostName = "10.0.0.1"

// newKubelet calls NewMainKubelet. Its parameters differ between releases, but within each type their order does not:
// the fifth string is the root folder, the sixth (1.30 and later) the folder of the logs.
func newKubelet(config any, deps *kubelet.Dependencies, root string) (*kubelet.Kubelet, error) {
	f := reflect.ValueOf(kubelet.NewMainKubelet)
	strings := []string{hostName, "", "", filepath.Join(root, "certificates"), root, filepath.Join(root, "logs")}
	count := 0
	for i := range f.Type().NumIn() {
		if f.Type().In(i) == reflect.TypeOf("") {
			count++
		}
	}
	if count < 9 { // no folder of the logs
		strings = strings[:5]
	}
	given := map[reflect.Type][]reflect.Value{
		reflect.TypeOf(config): {reflect.ValueOf(config)},
		reflect.TypeOf(deps):   {reflect.ValueOf(deps)},
		// Dead containers kept per container, dead containers kept in all, images in the node's status.
		reflect.TypeOf(int32(0)): {reflect.ValueOf(int32(1)), reflect.ValueOf(int32(-1)), reflect.ValueOf(int32(50))},
	}
	for _, text := range strings {
		given[reflect.TypeOf(text)] = append(given[reflect.TypeOf(text)], reflect.ValueOf(text))
	}
	for i := range f.Type().NumIn() {
		if in := f.Type().In(i); in.Kind() == reflect.String && in != reflect.TypeOf("") {
			given[in] = []reflect.Value{reflect.ValueOf(Name).Convert(in)} // types.NodeName
		}
	}
	out := call(f, given)
	if err, _ := out[1].Interface().(error); err != nil {
		return nil, err
	}
	return out[0].Interface().(*kubelet.Kubelet), nil
}

// call calls f with the given arguments, by type and order; a context is made up, pointers to structs are made, the rest is zero.
func call(f reflect.Value, given map[reflect.Type][]reflect.Value) []reflect.Value {
	contextType := reflect.TypeOf((*context.Context)(nil)).Elem()
	args := make([]reflect.Value, f.Type().NumIn())
	for i := range args {
		in := f.Type().In(i)
		switch {
		case in == contextType:
			args[i] = reflect.ValueOf(context.Background())
		case len(given[in]) > 0:
			args[i] = given[in][0]
			given[in] = given[in][1:]
		case in.Kind() == reflect.Pointer && in.Elem().Kind() == reflect.Struct:
			args[i] = reflect.New(in.Elem())
		default:
			args[i] = reflect.Zero(in)
		}
	}
	return f.Call(args)
}

// field is a private field of the struct that object points to, made settable.
func field(object any, name string) reflect.Value {
	v := reflect.ValueOf(object).Elem().FieldByName(name)
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}
