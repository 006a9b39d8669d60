package node

import (
	"fmt"
	"reflect"
	"time"
	"unsafe"

	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/kubelet/nodeshutdown/systemd"
)

// The kubelet's own shutdown manager runs; only the lock that it takes at systemd is ours.

// inhibitor is what the manager asks of systemd.
type inhibitor struct {
	announced chan bool
	released  func()
}

// CurrentInhibitDelay is long enough for every configuration, so that nothing is written into systemd's.
func (*inhibitor) CurrentInhibitDelay() (time.Duration, error) { return 1000 * time.Hour, nil }

// InhibitShutdown takes the lock.
func (*inhibitor) InhibitShutdown() (systemd.InhibitLock, error) { return 1, nil }

// ReleaseInhibitLock gives it back.
func (i *inhibitor) ReleaseInhibitLock(systemd.InhibitLock) error {
	i.released()
	return nil
}

// ReloadLogindConf is never needed.
func (*inhibitor) ReloadLogindConf() error { return nil }

// OverrideInhibitDelay likewise.
func (*inhibitor) OverrideInhibitDelay(time.Duration) error { return nil }

// inhibitor1 is the interface up to 1.34, inhibitor2 from 1.35 on.
type inhibitor1 struct{ *inhibitor }

// MonitorShutdown tells of shutdowns.
func (i inhibitor1) MonitorShutdown() (<-chan bool, error) { return i.announced, nil }

type inhibitor2 struct{ *inhibitor }

// MonitorShutdown likewise.
func (i inhibitor2) MonitorShutdown(klog.Logger) (<-chan bool, error) { return i.announced, nil }

// Close is of 1.37.
func (inhibitor2) Close() error { return nil }

//go:linkname systemDbus k8s.io/kubernetes/pkg/kubelet/nodeshutdown.systemDbus
var systemDbus func()

// inhibit has the shutdown manager take our lock. A kubelet whose configuration gives Pods no time has no manager.
func (k *Kubelet) inhibit() error {
	manager := field(k.kubelet, "shutdownManager").Elem()
	if manager.Kind() != reflect.Pointer {
		return nil
	}
	wanted := field(manager.Interface(), "dbusCon").Type()
	lock := &inhibitor{announced: make(chan bool), released: func() { k.released() }}
	for _, own := range []any{inhibitor1{lock}, inhibitor2{lock}} {
		if !reflect.TypeOf(own).Implements(wanted) {
			continue
		}
		connect := reflect.FuncOf(nil, []reflect.Type{wanted, reflect.TypeFor[error]()}, false)
		made := reflect.MakeFunc(connect, func([]reflect.Value) []reflect.Value {
			return []reflect.Value{reflect.ValueOf(own).Convert(wanted), reflect.Zero(reflect.TypeFor[error]())}
		})
		// From 1.37 on the manager has its own copy of the variable.
		if manager.Elem().FieldByName("newDBusConn").IsValid() {
			field(manager.Interface(), "newDBusConn").Set(made)
		} else {
			reflect.NewAt(connect, unsafe.Pointer(&systemDbus)).Elem().Set(made)
		}
		k.announced = lock.announced
		return nil
	}
	return fmt.Errorf("the shutdown manager asks systemd for something new: %v", wanted)
}

// Shutdown announces that the node shuts down. Released is called when the kubelet lets it.
func (k *Kubelet) Shutdown(released func()) {
	if k.announced == nil {
		released()
		return
	}
	k.released = released
	k.announced <- true
}
