//! The schema and its numbered migrations. Fact tables are not listed here: they follow their declarations.

/// What each version adds, from version 1. Never edit one that was released: add the next.
pub(super) const MIGRATIONS: &[&str] = &[
    // 1: audits, what they found, and which snapshot of each fact table they saw.
    "
    create table audits (
        id            bigint primary key,
        host          varchar not null,   -- machine id, or the name where there is none
        hostname      varchar not null,
        os            varchar not null,
        kind          varchar not null,
        role          varchar not null,
        root          varchar not null,   -- '/' or the tree given by --root
        kernel        varchar,
        started       timestamp not null, -- UTC
        took_ms       bigint not null,
        version       varchar not null,   -- of cleanbill
        privileged    boolean not null,
        complete      boolean not null,   -- every check was asked
        risk          double not null,
        grade         varchar not null,
        files         bigint not null,    -- how much was looked at
        services      bigint not null,
        programs      bigint not null
    );
    create table findings (
        audit         bigint not null,
        check_id      varchar not null,
        verdict       varchar not null,   -- problem, ok, not_applicable, unknown
        severity      varchar,            -- of a problem, in its context
        title         varchar,            -- of a problem, with its numbers
        count         bigint,             -- rows the query returned
        why           varchar,            -- why it does not apply or is unknown
        waived        boolean not null default false,
        part_of       varchar             -- the problem it is shown under
    );
    create table evidence (
        audit         bigint not null,
        check_id      varchar not null,
        n             integer not null,
        text          varchar not null,
        source        varchar,
        line          bigint
    );
    create table gaps (
        audit         bigint not null,
        check_id      varchar,            -- null: a gap of the whole audit
        what          varchar not null,
        source        varchar not null,
        reason        varchar not null    -- as JSON
    );
    create table fact_snapshots (
        id            bigint primary key,
        table_name    varchar not null,
        hash          varchar not null,   -- of the rows; the same rows are stored once
        rows          bigint not null
    );
    create table audit_facts (
        audit         bigint not null,
        table_name    varchar not null,
        snapshot      bigint,             -- null when the table was not read
        state         varchar not null,   -- read, partial, unread, absent
        why           varchar
    );
    create table waivers (
        check_id      varchar not null,
        host          varchar not null,
        reason        varchar not null,
        who           varchar not null,
        made          timestamp not null,
        until         date not null,
        withdrawn     timestamp
    );
    create schema facts;
    ",
    // 2: what the machine is made of, as the report's technical part tells it.
    "
    create table audit_details (
        audit         bigint not null,
        n             integer not null,
        name          varchar not null,
        value         varchar not null
    );
    ",
    // 3: the journal of fixes.
    "
    create table fix_runs (
        id            bigint primary key,
        host          varchar not null,
        hostname      varchar not null,
        root          varchar not null,
        started       timestamp not null,
        ended         timestamp,
        state         varchar not null,   -- running, done, rolled_back, undone
        who           varchar not null,
        version       varchar not null,
        folder        varchar not null,   -- of its backups, beside this file
        confirm_until timestamp,          -- until then someone must confirm it, else it is taken back
        risk_before   double not null,
        risk_after    double
    );
    create table fix_steps (
        run           bigint not null,
        n             bigint not null,
        check_id      varchar not null,
        title         varchar not null,
        state         varchar not null,   -- planned, fixed, still_open, unproven, refused, failed, undoing, undone
        why           varchar
    );
    create table fix_changes (
        run           bigint not null,
        step          bigint not null,
        n             bigint not null,
        what          varchar not null,   -- path, or command
        change        varchar not null    -- as JSON: before and after
    );
    ",
    // 4: what ran by the schedule, mail that waits or went, and which urgent problems were told.
    "
    create table jobs (
        host          varchar not null,
        name          varchar not null,
        times         varchar not null,   -- when, as the settings say it
        since         timestamp not null  -- since when it has these times: what lies before was never due
    );
    create table job_runs (
        id            bigint primary key,
        host          varchar not null,
        job           varchar not null,
        task          varchar not null,   -- audit, report, email, fix, backup, run
        cause         varchar not null,   -- schedule, late, by_hand
        due           timestamp not null, -- when it should begin
        started       timestamp not null,
        ended         timestamp,
        state         varchar not null,   -- running, done, failed, timed_out, cut_off, skipped
        missed        bigint not null,    -- times before it at which nothing ran
        said          varchar,            -- what it said, in a sentence or a few lines
        audit         bigint              -- the audit that it made
    );
    create table mails (
        id            bigint primary key,
        host          varchar not null,
        job           varchar,            -- null for mail that no job sent
        kind          varchar not null,   -- weekly, digest, alert, test
        occasion      varchar not null,   -- with the recipient: the same is never sent twice
        recipient     varchar not null,
        sender        varchar not null,
        subject       varchar not null,
        message       blob,               -- as it is handed over; null once it is over
        state         varchar not null,   -- waiting, handing_over, sent, unsure, given_up
        made          timestamp not null,
        next_try      timestamp not null,
        tries         bigint not null,
        ended         timestamp,
        said          varchar             -- the last word of the mail server
    );
    create table alerts (
        host          varchar not null,
        check_id      varchar not null,
        title         varchar not null,
        severity      varchar not null,   -- when it was told last
        count         bigint not null,
        opened        timestamp not null,
        told          timestamp not null,
        closed        timestamp
    );
    ",
    // 5: metrics. A day is fresh until it is over; then its samples are packed, and hours and the day are made of them. Minutes
    // are made when the samples go.
    "
    create table metric_series (
        id            integer primary key,
        host          varchar not null,
        metric        varchar not null,
        key           varchar not null,   -- its labels as JSON, as they came
        labels        map(varchar, varchar) not null
    );
    create table metric_fresh (
        series        integer not null,
        ts            timestamp not null, -- UTC
        value         double not null
    );
    create table metric_blocks (
        series        integer not null,
        ts            timestamp not null, -- of the first of its samples, which are of one hour
        until         timestamp not null, -- of the last
        count         integer not null,
        step          bigint not null,    -- from one to the next, in microseconds
        places        uinteger[],         -- how many steps each is from the first, where some are missing between them
        runs          uinteger[],         -- how many times each value comes, where most are as the one before
        unit          double not null,    -- a power of two, of which all values are multiples
        vals          double[] not null   -- one where all are the same
    );
    create table metric_minutes (
        series        integer not null,
        minute        integer not null,   -- since 1970
        min           float not null,
        mean          float not null,
        max           float not null,
        p95           float,              -- null where it is the largest
        last          float not null,
        count         integer not null
    );
    create table metric_hours (
        series        integer not null,
        ts            timestamp not null, -- when it began
        min           float not null,
        mean          float not null,
        max           float not null,
        p95           float not null,
        last          float not null,
        count         integer not null,
        bins          smallint[] not null, -- how often values of each size came, so that hours can be put together
        counts        integer[] not null
    );
    create table metric_days (
        series        integer not null,
        ts            timestamp not null,
        min           float not null,
        mean          float not null,
        max           float not null,
        p95           float not null,
        last          float not null,
        count         integer not null,
        bins          smallint[] not null,
        counts        integer[] not null
    );
    create table metric_taken (
        segment       varchar primary key, -- a file of the spool that is in the history
        taken         timestamp not null
    );
    create view metric_samples as
        select series, ts + to_microseconds(place * step) as ts, coalesce(value, first) * unit as value from (
            select series, ts, step, unit, unnest(coalesce(places, range(count)::uinteger[])) as place, vals[1] as first,
                   unnest(case when runs is null then vals else flatten(list_transform(
                       range(1, len(runs) + 1), lambda n: list_resize(vals[n:n], runs[n], vals[n]))) end) as value
            from metric_blocks)
        union all from metric_fresh;
    create view samples as
        select s.ts, e.host, e.metric, e.labels, s.value from metric_samples s join metric_series e on e.id = s.series;
    create view samples_1m as
        select r.ts, e.host, e.metric, e.labels, r.min, r.mean, r.max, r.p95, r.last, r.count
        from (select series, make_timestamp(minute * 60000000::bigint) as ts, min, mean, max, coalesce(p95, max) as p95, last, count
              from metric_minutes union all
              select series, time_bucket(interval 1 minute, ts), min(value), avg(value), max(value),
                     quantile_disc(value, 0.95), arg_max(value, ts), count(*)
              from metric_samples group by all) r join metric_series e on e.id = r.series;
    create view samples_1h as
        select r.ts, e.host, e.metric, e.labels, r.min, r.mean, r.max, r.p95, r.last, r.count
        from metric_hours r join metric_series e on e.id = r.series;
    create view samples_1d as
        select r.ts, e.host, e.metric, e.labels, r.min, r.mean, r.max, r.p95, r.last, r.count
        from metric_days r join metric_series e on e.id = r.series;
    ",
];
