package node

import (
	"slices"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/kubernetes/pkg/kubelet/cm"
)

// containers is the stub of a container manager whose Pods have cgroups to read: a resize looks at them before it writes.
type containers struct{ cm.ContainerManager }

// NewPodContainerManager returns that of the cgroups: one that takes everything, where the stub's does not take a resize.
func (containers) NewPodContainerManager() cm.PodContainerManager {
	return cgroups{cm.NewFakePodContainerManager()}
}

// GetNodeAllocatableAbsolute is room for every resize.
func (containers) GetNodeAllocatableAbsolute() v1.ResourceList {
	return v1.ResourceList{v1.ResourceCPU: resource.MustParse("64"), v1.ResourceMemory: resource.MustParse("256Gi")}
}

type cgroups struct{ cm.PodContainerManager }

// GetPodCgroupConfig is what is written there: the shares of all containers, and no limits, as cgroup_manager_linux.go: readCgroupMemoryConfig
// reads them of a node with cgroup v2. Containers that run one after the other have no resources here.
func (cgroups) GetPodCgroupConfig(pod *v1.Pod, _ v1.ResourceName) (*cm.ResourceConfig, error) {
	var requests int64
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		requests += c.Resources.Requests.Cpu().MilliValue()
	}
	memory, shares, quota, period := int64(-1), cm.MilliCPUToShares(requests), int64(-1), uint64(100_000)
	return &cm.ResourceConfig{Memory: &memory, CPUShares: &shares, CPUQuota: &quota, CPUPeriod: &period}, nil
}
