package node

import (
	"reflect"
	"time"
	_ "unsafe" // for go:linkname

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/component-base/metrics"
	"k8s.io/component-base/metrics/legacyregistry"
	kubeletconfigv1beta1 "k8s.io/kubelet/config/v1beta1"
	kubeletconfig "k8s.io/kubernetes/pkg/kubelet/apis/config"
	"k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
)

// configuration is the release's default configuration without what would touch the machine.
func configuration(o *Options) (*kubeletconfig.KubeletConfiguration, error) {
	s, _, err := scheme.NewSchemeAndCodecs()
	if err != nil {
		return nil, err
	}
	versioned := &kubeletconfigv1beta1.KubeletConfiguration{}
	s.Default(versioned)
	c := &kubeletconfig.KubeletConfiguration{}
	if err := s.Convert(versioned, c, nil); err != nil {
		return nil, err
	}
	c.EnableServer = false
	c.CgroupsPerQOS = false
	c.MakeIPTablesUtilChains = false
	c.LocalStorageCapacityIsolation = false
	c.RegisterNode = false
	c.EnableControllerAttachDetach = false
	c.EnforceNodeAllocatable = nil
	c.StaticPodPath = ""
	c.EvictionHard, c.EvictionSoft = nil, nil
	c.ResolverConfig = ""
	// Logs are removed with their containers. Nothing is rotated: they are empty, and the first round finds none of the first kubelet's.
	if rounds := reflect.ValueOf(c).Elem().FieldByName("ContainerLogMonitorInterval"); rounds.IsValid() { // 1.30 and later
		rounds.Set(reflect.ValueOf(metav1.Duration{Duration: 10000 * time.Hour}))
	} else {
		c.ContainerLogMaxSize = "-1" // there are no logs
	}
	c.ImageGCHighThresholdPercent = 100
	c.VolumeStatsAggPeriod = metav1.Duration{Duration: -1}
	// A ConfigMap is read anew for every container, without a cache that needs time.
	c.ConfigMapAndSecretChangeDetectionStrategy = kubeletconfig.GetChangeDetectionStrategy
	c.ShutdownGracePeriod.Duration, c.ShutdownGracePeriodCriticalPods.Duration = o.ShutdownGracePeriod, o.ShutdownGracePeriodCriticalPods
	if o.MaxContainerRestartPeriod > 0 {
		if back := reflect.ValueOf(c).Elem().FieldByName("CrashLoopBackOff"); back.IsValid() { // 1.32 and later
			back.FieldByName("MaxContainerRestartPeriod").Set(reflect.ValueOf(&metav1.Duration{Duration: o.MaxContainerRestartPeriod}))
		}
	}
	return c, nil
}

//go:linkname defaultRegistry k8s.io/component-base/metrics/legacyregistry.defaultRegistry
var defaultRegistry metrics.KubeRegistry

// silenceMetrics lets several kubelets live in one process: newer releases register some collectors for each.
func silenceMetrics() {
	defaultRegistry = metrics.NewKubeRegistry()
	legacyregistry.MustRegister = func(...metrics.Registerable) {}
	legacyregistry.Register = func(metrics.Registerable) error { return nil }
	legacyregistry.RawMustRegister = func(...prometheus.Collector) {}
	registry := prometheus.NewRegistry()
	prometheus.DefaultRegisterer, prometheus.DefaultGatherer = registry, registry
}
