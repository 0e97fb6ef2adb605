// What to order: products over periods, with demand from metrics or by hand.

import { fields, lines, number, pick, text, group, date, next, metricsToPick, metricNamed } from "./fields.js";
import { h } from "./page.js";

export function orders(business, metrics, earlier) {
  const problem = earlier?.problem;
  const flows = metrics.filter(({ kind }) => kind === "FLOW");
  const guess = flows.find(({ key }) => key === "units") ?? flows[0];
  const periods = number("Periods", problem?.periods ?? 8, { min: 1, max: 366, step: 1, required: true });
  const step = pick("Each of one", [["WEEK", "week"], ["DAY", "day"], ["MONTH", "month"]], earlier?.calendar?.step.toUpperCase() ?? "WEEK");
  const first = date("First day (the next one when left empty)", earlier?.calendar?.first_day);
  const capacity = number("Most units a period, all together", problem?.capacity?.[0]);
  const money = number(`Most money a period (${business.currency})`, problem?.budget?.[0]);

  const product = (said) => {
    const demand = said?.demand;
    const constant = Array.isArray(demand) ? demand[0] : null;
    const name = text("Product", said?.name ?? "", { required: true, placeholder: "CDs" });
    const metric = pick("Demand as forecast of", metricsToPick(flows, "by hand"), demand?.metric ? metricNamed(metrics, demand.metric) : said ? "" : guess?.id ?? "");
    const byHand = number("Units asked for a period", constant);
    const init = number("In stock now", said?.init ?? 0);
    const unit = number("Price of a unit", said?.unit_cost ?? "", { required: true });
    const setup = number("Cost of each order", said?.setup_cost ?? 0);
    const hold = number("Keeping a unit for a period", said?.hold ?? "", { required: true });
    const lost = number("A missed sale loses (selling price)", said?.lost_sale ?? "", { required: true });
    const least = number("Smallest order (units)", said?.moq || "");
    const lead = number("Delivery takes (periods)", said?.service?.lead_time?.mean ?? "");
    const level = number("Rarely run out: service level (%)", said?.service ? said.service.level * 100 : "", { min: 50, max: 99.99 });
    const ordered = pick("What you order today", metricsToPick(flows, "not known"), said?.ordered ? metricNamed(metrics, said.ordered.metric) : "");
    const follow = () => {
      byHand.element.hidden = metric.get() !== "";
      byHand.input.required = metric.get() === "";
    };
    metric.input.addEventListener("change", follow);
    follow();
    return {
      element: fields(name, metric, byHand, init, unit, setup, hold, lost, least, lead, level, ordered),
      get: () => ({ name, metric, byHand, init, unit, setup, hold, lost, least, lead, level, ordered }),
    };
  };
  const products = lines("Products", "a product", problem?.products ?? [], product);

  function read() {
    const count = periods.get();
    const constant = (value) => Array.from({ length: count }, () => value);
    const used = [];
    const stated = products.get().map((line) => {
      const [price, loss] = [line.unit.get(), line.lost.get()];
      if (loss <= price) throw new Error(`A missed sale of ${line.name.get()} loses ${loss}, no more than a unit costs (${price}): nothing would be worth ordering.`);
      const metric = metrics.find(({ id }) => id === line.metric.get());
      if (metric) used.push(metric);
      const service = line.level.get() === null ? undefined : {
        level: line.level.get() / 100,
        lead_time: { mean: line.lead.get() ?? 0 },
        ...(metric ? {} : { demand_sd: Math.sqrt(line.byHand.get()) }),
      };
      return {
        name: line.name.get(),
        demand: metric ? { metric: metric.id } : constant(line.byHand.get()),
        init: line.init.get() ?? 0, unit_cost: line.unit.get(), setup_cost: line.setup.get() ?? 0, hold: line.hold.get(), lost_sale: line.lost.get(),
        moq: line.least.get() ?? 0,
        ...(capacity.get() === null ? {} : { unit_time: 1 }),
        ...(service ? { service } : {}),
        ...(line.ordered.get() ? { ordered: { metric: line.ordered.get() } } : {}),
      };
    });
    const latest = used.map((metric) => metric.latestPoint && next(metric.latestPoint.at, metric.timeZone, step.get())).filter(Boolean).sort().at(-1);
    const firstDay = first.get() ?? latest ?? next(new Date(), business.timeZone, step.get());
    return {
      problem: {
        periods: count, products: stated,
        ...(capacity.get() === null ? {} : { capacity: constant(capacity.get()) }),
        ...(money.get() === null ? {} : { budget: constant(money.get()) }),
      },
      calendar: { firstDay, step: step.get() },
    };
  }

  return {
    intro: `Costs in ${business.currency}. Demand comes from the forecast of a metric, or by hand where there is none.`,
    elements: [
      group("Time", fields(periods, step, first)),
      products.element,
      group("Limits", fields(capacity, money), h("p", { class: "small soft" }, "Left empty: no limit.")),
    ],
    read,
  };
}
