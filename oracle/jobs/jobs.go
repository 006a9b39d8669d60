package jobs

import (
	"context"
	"fmt"
	"reflect"

	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/kubernetes/pkg/controller/job"
)

// Start starts the controller with one worker. It never ends; it is left behind when the bubble's main goroutine returns.
func Start(client kubernetes.Interface) error {
	factory := informers.NewSharedInformerFactory(client, 0)
	ctx := context.Background()
	made, err := call(reflect.ValueOf(job.NewController), ctx, client, factory.Core().V1().Pods(), factory.Batch().V1().Jobs())
	if err != nil {
		return fmt.Errorf("making the Job controller: %w", err)
	}
	stop := make(chan struct{})
	factory.Start(stop)
	go made.Interface().(*job.Controller).Run(ctx, 1)
	return nil
}

// call calls a constructor whose parameters differ between releases: each gets the value that fits, or nil.
func call(f reflect.Value, values ...any) (reflect.Value, error) {
	args := make([]reflect.Value, f.Type().NumIn())
	for i := range args {
		in := f.Type().In(i)
		args[i] = reflect.Zero(in)
		for _, v := range values {
			if reflect.TypeOf(v).AssignableTo(in) {
				args[i] = reflect.ValueOf(v)
			}
		}
	}
	out := f.Call(args)
	if len(out) > 1 {
		if err, _ := out[1].Interface().(error); err != nil {
			return reflect.Value{}, err
		}
	}
	return out[0], nil
}
