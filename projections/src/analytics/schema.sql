create table transactions (
    tenant_id uuid not null,
    key text collate "C" not null,
    order_key text,
    customer text,
    product text,
    day date not null,
    -- Null where the source has only days.
    at timestamptz,
    units numeric not null,
    amount numeric not null,
    -- The event that brought it: a later event of the same key wins, whenever it is applied.
    position bigint not null,
    primary key (tenant_id, key)
);

-- On which days a customer bought, and how often (see days.rs).
create table customers (
    tenant_id uuid not null,
    customer text collate "C" not null,
    first_day date not null,
    last_day date not null,
    transactions bigint not null,
    units numeric not null,
    amount numeric not null,
    days bytea not null,
    primary key (tenant_id, customer)
) with (fillfactor = 80);

-- Orders that the source names: one may have several transactions. It counts on its first day.
create table orders (
    tenant_id uuid not null,
    order_key text collate "C" not null,
    days bytea not null,
    primary key (tenant_id, order_key)
);

create table daily_sales (
    tenant_id uuid not null,
    day date not null,
    transactions bigint not null,
    orders bigint not null,
    units numeric not null,
    revenue numeric not null,
    customers bigint not null,
    new_customers bigint not null,
    primary key (tenant_id, day)
) with (fillfactor = 50);
