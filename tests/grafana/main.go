// Reads dashboards as Grafana's own SDK does, strictly: a field that Grafana does not know, or one of another type, is
// an error. Prints one line per finding and ends with 1 if there is any.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// The SDK returns an empty list of errors for none, which is not nil.
func problem(err error) error {
	var list cog.BuildErrors
	if errors.As(err, &list) && len(list) == 0 {
		return nil
	}
	return err
}

// Panels one by one: strictly, the SDK leaves those of a whole dashboard away, and the common part of their fields out.
func checkPanel(raw []byte) error {
	var found dashboard.Panel
	if err := problem(found.UnmarshalJSONStrict(raw)); err != nil {
		return err
	}
	var part struct {
		FieldConfig json.RawMessage `json:"fieldConfig"`
	}
	if err := json.Unmarshal(raw, &part); err != nil {
		return err
	}
	var fields dashboard.FieldConfigSource
	if err := problem(fields.UnmarshalJSONStrict(part.FieldConfig)); err != nil {
		return err
	}
	for _, target := range found.Targets {
		switch target.(type) {
		case prometheus.Dataquery, *prometheus.Dataquery:
		default:
			return fmt.Errorf("a query is %T", target)
		}
	}
	return problem(found.Validate())
}

func check(path string) []error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return []error{err}
	}
	var found dashboard.Dashboard
	if err := problem(found.UnmarshalJSONStrict(raw)); err != nil {
		return []error{err}
	}
	var list []error
	if err := problem(found.Validate()); err != nil {
		list = append(list, err)
	}
	var parts struct {
		Panels []json.RawMessage `json:"panels"`
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return append(list, err)
	}
	for number, panel := range parts.Panels {
		if err := checkPanel(panel); err != nil {
			list = append(list, fmt.Errorf("panel %d: %w", number+1, err))
		}
	}
	fmt.Printf("%s: %d panels\n", path, len(parts.Panels))
	return list
}

func main() {
	// Only these: all of them are a minute of compiling.
	runtime := cog.NewRuntime()
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	runtime.RegisterPanelcfgVariant(timeseries.VariantConfig())
	runtime.RegisterPanelcfgVariant(stat.VariantConfig())
	runtime.RegisterPanelcfgVariant(heatmap.VariantConfig())
	failed := false
	for _, path := range os.Args[1:] {
		for _, err := range check(path) {
			failed = true
			fmt.Printf("%s: %v\n", path, err)
		}
	}
	if failed {
		os.Exit(1)
	}
}
